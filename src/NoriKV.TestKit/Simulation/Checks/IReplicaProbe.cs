using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>How the checkers look into a node.</summary>
internal interface IReplicaProbe
{
    /// <summary>Where the replica of a shard stands; null where it has none here.</summary>
    ReplicaSight? Look(ShardId shard);

    /// <summary>The term and a hash of an entry in the log; false where the log does not have it.</summary>
    bool TryReadEntry(ShardId shard, ulong index, out ulong term, out ulong hash);

    /// <summary>A hash of what the shard holds, at its applied index: equal on all replicas. Null where the disk fails.</summary>
    ulong? HashState(ShardId shard);
}
