using Nori.Raft.Core;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>How the checkers look into a node.</summary>
internal interface IReplicaProbe
{
    /// <summary>Where the replica of a shard stands; null where it has none here.</summary>
    ReplicaSight? Look(ShardId shard);

    /// <summary>The term and a hash of an entry in the log; false where the log does not have it.</summary>
    bool TryReadEntry(ShardId shard, ulong index, out ulong term, out ulong hash);

    /// <summary>Whether a loss of power at this moment leaves an entry of the log; true where the disk fails.</summary>
    bool IsDurable(ShardId shard, ulong index);

    /// <summary>The configuration that an entry of the log is; null for other entries.</summary>
    Configuration? ReadConfiguration(ShardId shard, ulong index, ulong term);

    /// <summary>The configuration that counts for the replica, and the index of its entry; 0 for the first one.</summary>
    (Configuration Configuration, ulong Index) ConfigurationOf(ShardId shard);

    /// <summary>The highest replica of the shard that was removed there for good; 0 none.</summary>
    ulong TombstoneOf(ShardId shard);

    /// <summary>Hashes of what shards hold, at their applied indexes: equal on all replicas. Null where the disk fails.</summary>
    IReadOnlyList<ulong?> HashStates(IReadOnlyList<ShardId> shards);
}
