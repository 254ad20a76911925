using NoriKV.Node.Tracing;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>What is noted for requests that are traced or slow: by batch, and looked up by entry for those few only.</summary>
internal sealed partial class RaftWorker
{
    private void NoteSent()
    {
        if (_leaving.Count == 0) return;
        long now = Now();
        foreach ((NodeNumber to, ShardId shard, ulong last) in _leaving) _trail.NoteSent(to, shard, last, now);
        _leaving.Clear();
    }

    private void NoteLogged(in PersistedReady ready, WriteRequest request)
    {
        // Followers' entries are nobody's requests here.
        if (ready.First > ready.Last || ready.Group.Core.Role != Raft.RaftRole.Leader) return;
        _trail.NoteLog(ready.Group.Shard, ready.First, ready.Last, new LogTimes(
            request.SubmittedAt, request.BeganAt, request.WrittenAt, request.SyncedAt, _stepAt));
    }

    private void NoteCommitted(Proposal proposal, ulong index)
    {
        long now = proposal.CommittedAt = Now();
        bool isTold = proposal.Probe is not null
            || (_host.Slow.IsSlow(proposal.EnqueuedAt, now) && _trail.HasRoom(now));
        if (isTold) proposal.Times = _trail.Find(proposal.Shard, index, proposal.AppendedAt);
    }
}
