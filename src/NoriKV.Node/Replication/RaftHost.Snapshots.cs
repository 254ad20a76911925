using NoriKV.Node.Snapshots;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>What sender and receiver of snapshots ask and tell.</summary>
internal sealed partial class RaftHost
{
    ReplicaId ISnapshotHost.ReplicaOf(ShardId shard) =>
        shard.Value < (uint)_groups.Length && _groups[shard.Value] is { } group ? group.Replica : default;

    // The worker asks the core when it has arrived; until then, whether it would bring news is all that counts, or whether it
    // has all that tables held here that cannot be read.
    bool ISnapshotHost.Needs(ShardId shard, Raft.SnapshotMeta meta) =>
        _groups[shard.Value] is { } group
        && (meta.Index.Value > group.Published.Commit.Value
            || (_context.Replicas.IsSetApart(shard) && meta.Index.Value >= _context.Replicas.Applied(shard).Value));

    void ISnapshotHost.Arrived(ShardId shard, ReplicaId from, Term term, StagedSnapshot staged)
    {
        if (_groups[shard.Value] is { } group) WorkerOf(shard).NoteArrived(group, from, term, staged);
        else staged.Discard();
    }

    void ISnapshotHost.Sent(ShardId shard, ReplicaId to, LogIndex index, bool isDelivered)
    {
        if (_groups[shard.Value] is { } group) WorkerOf(shard).NoteSent(group, to, index, isDelivered);
    }
}
