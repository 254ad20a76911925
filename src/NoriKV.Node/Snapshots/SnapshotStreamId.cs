using NoriKV.Types;

namespace NoriKV.Node.Snapshots;

/// <summary>One attempt to bring a snapshot to a replica.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="From">The replica that gives it.</param>
/// <param name="To">The replica that takes it.</param>
/// <param name="Number">The sender's start in the high half, its attempts counted in the low half.</param>
internal readonly record struct SnapshotStreamId(ShardId Shard, ReplicaId From, ReplicaId To, ulong Number)
{
    /// <summary>True when the same process began the other one later.</summary>
    public bool IsBefore(SnapshotStreamId other) =>
        From == other.From && Number >> 32 == other.Number >> 32 && Number < other.Number;
}
