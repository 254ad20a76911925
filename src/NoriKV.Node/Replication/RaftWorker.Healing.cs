using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>
/// Replicas whose tables cannot be read (docs/healing.md). Their log is whole, so they vote and confirm; what they applied is
/// brought again by a snapshot, and what the log has behind it is applied again.
/// </summary>
internal sealed partial class RaftWorker
{
    /// <summary>
    /// Takes a replica out of service until a peer's snapshot takes the place of its tables. One that is the only voter stays:
    /// nobody else has what it can still read.
    /// </summary>
    internal void SetApart(RaftGroup group, HostCommand command, string why)
    {
        bool isAlone = group.Core.Configuration.IsOnlyVoter(group.Core.Replica)
            || (group.Core.Configuration.Members.Count == 0 && !_host.Liveness.Peers.Any());
        if (isAlone)
        {
            command.TryAnswer(new KvError(
                KvCode.FailedPrecondition, $"Shard {group.Shard} has no other voter that it could be rebuilt from"));
            return;
        }

        _host.Replicas.SetApart(group.Shard, why);
        group.IsSetApart = _host.Replicas.IsSetApart(group.Shard);
        if (group.IsSetApart)
        {
            group.Core.IsEligible = false;
            group.Core.Wake(Raft.WakeReason.Work);
            group.ActiveAt = Now();
            if (group.Core.Role == Raft.RaftRole.Leader) HandOver(group);
            FollowTimers(group);
        }

        command.TryAnswer(null);
    }

    /// <summary>Somebody wants to look at the state behind the first time entry from an index on.</summary>
    internal void WatchTime(RaftGroup group, HostCommand command, LogIndex from, Action<LogIndex> then)
    {
        if (group.LastTimeFed >= from.Value || group.IsSetApart)
        {
            command.TryAnswer(new KvError(KvCode.FailedPrecondition, $"Shard {group.Shard} is behind that, or cannot be read"));
            return;
        }

        group.TimeWatch = (from.Value, then);
        command.TryAnswer(null);
    }

    private void NoteTime(RaftGroup group, LogIndex index)
    {
        group.LastTimeFed = index.Value;
        if (group.TimeWatch is not { } watch || index.Value < watch.From) return;
        group.TimeWatch = null;
        _host.Pipeline.EnqueueWork(group.Shard, () => watch.Then(index));
    }

    /// <summary>A replica of the shard asks for a snapshot although its log lacks nothing.</summary>
    internal void SendSnapshot(RaftGroup group, HostCommand command, ReplicaId to, NodeNumber node, LogIndex atLeast)
    {
        if (group.Core.Role != Raft.RaftRole.Leader)
        {
            command.TryAnswer(ProposalErrors.NotLeader(group.Shard, HintOf(group, group.Core.Leader)));
            return;
        }

        bool isMember = group.Core.Configuration.Contains(new Raft.ReplicaId(to.Value)) && group.NodeOf(to) == node;
        string? unfit = !isMember ? $"Replica {to} on node {node} is no member of shard {group.Shard}"
            : _host.Replicas.Stopped(group.Shard)
            ?? (_host.Snapshots is null ? "This node sends no snapshots" : null);
        if (unfit is not null)
        {
            command.TryAnswer(new KvError(KvCode.FailedPrecondition, unfit));
            return;
        }

        _host.Snapshots!.Begin(group.Shard, to, node, new Term(group.Core.Term.Value), atLeast);
        command.TryAnswer(null);
    }

    /// <summary>A snapshot that brings no news to the log, for a replica that waits for one; false where it is of no use.</summary>
    private bool TryRebuild(RaftGroup group, Snapshots.StagedSnapshot staged)
    {
        ulong index = staged.Meta.Index.Value;
        bool isOfUse = group.IsSetApart && index <= group.Core.Commit.Value && index >= group.Core.BaseIndex.Value
            && index >= _host.Replicas.Applied(group.Shard).Value;
        if (!isOfUse) return false;
        group.Rebuilding = staged;
        // Behind what was handed over before, none of which is applied any more.
        _host.Pipeline.EnqueueWork(group.Shard, () => _host.Rebuild(group, staged, this));
        return true;
    }

    private void OnRebuilt(RaftGroup group, Raft.SnapshotMeta meta, uint deadSlot)
    {
        if (group.IsGone) return;
        group.Rebuilding = null;
        // The log holds what the state lacks: from here on that is applied, again or for the first time.
        group.NextToApply = meta.Index.Value + 1;
        group.ToApplyLast = Math.Max(group.ToApplyLast, meta.Index.Value);
        EndSetApart(group, meta);
        _host.RemoveSlot(group.Shard, deadSlot);
        WantFeed(group);
        PassReads(group);
        Touch(group);
    }

    private void EndSetApart(RaftGroup group, Raft.SnapshotMeta meta)
    {
        if (!group.IsSetApart) return;
        group.IsSetApart = false;
        group.Core.AdoptConfiguration(meta.Configuration);
        if (_host.Replicas[group.Shard] is { } machine) group.Learn(machine.State.Configuration);
        group.LastStamp = Math.Max(group.LastStamp, _host.Replicas.ShardTime(group.Shard));
        group.ActiveAt = Now();
        FollowTimers(group);
        _host.Rebuilt?.Invoke(group.Shard, new LogIndex(meta.Index.Value));
    }
}
