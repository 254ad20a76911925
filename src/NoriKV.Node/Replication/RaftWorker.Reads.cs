using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>Reads that need a majority: all that come between two steps share one round.</summary>
internal sealed partial class RaftWorker
{
    private readonly List<RaftGroup> _reading = [];

    private void AddRead(ReadRequest read)
    {
        if (read.ExpireIfDue(Now())) return;
        if (_groups[read.Shard.Value] is not { } group)
        {
            read.TryRefuse(ProposalErrors.NotLeader(read.Shard, null));
            return;
        }

        group.Reads.Waiting.Add(read);
        WantRead(group);
    }

    private void WantRead(RaftGroup group)
    {
        if (group.IsReading) return;
        group.IsReading = true;
        _reading.Add(group);
    }

    private void AskForReads()
    {
        foreach (RaftGroup group in _reading)
        {
            group.IsReading = false;
            if (!group.IsGone) AskForReads(group);
        }

        _reading.Clear();
    }

    private void AskForReads(RaftGroup group)
    {
        group.Reads.Waiting.RemoveAll(static read => read.IsAnswered);
        if (group.Reads.Waiting.Count == 0) return;
        group.ActiveAt = Now();
        switch (group.Core.TryReadIndex(group.Reads.NextContext))
        {
            case Raft.ReadIndexStatus.Queued or Raft.ReadIndexStatus.Forwarded:
                group.Reads.Begin(Now());
                break;
            default:
                // Asked again with the next tick, or as soon as there is a leader.
                foreach (ReadRequest read in group.Reads.Waiting) read.NoteWaiting(ProposalErrors.NoQuorum);
                break;
        }

        Touch(group);
    }

    private void OnReadState(RaftGroup group, in Raft.ReadState state)
    {
        if (state.IsAborted)
        {
            group.Reads.Abort(state.Context);
            return;
        }

        group.Reads.Confirm(state.Context, state.Index.Value, Now());
        WatchAndPass(group);
    }

    private void AwaitApply(RaftGroup group, ulong index, List<ReadRequest> reads)
    {
        if (group.IsGone)
        {
            KvError moved = ProposalErrors.NotLeader(group.Shard, null);
            foreach (ReadRequest read in reads) read.TryRefuse(moved);
            return;
        }

        group.Reads.AddConfirmed(index, reads);
        WatchAndPass(group);
    }

    private void WatchAndPass(RaftGroup group)
    {
        // Watched before the look: what is applied in between says so.
        _host.Pipeline.Watch(group.Shard);
        PassReads(group);
    }

    private void PassReads(RaftGroup group)
    {
        long now = Now();
        group.Reads.Pass(
            _host.Replicas.Applied(group.Shard).Value,
            now,
            read => _host.Metrics.ReadIndex.Record(Since(read.EnqueuedAt, now).TotalSeconds));
        if (!group.Reads.AwaitsApply) _host.Pipeline.Unwatch(group.Shard);
    }
}
