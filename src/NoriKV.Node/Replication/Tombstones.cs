using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>The highest replica of each shard that was removed from this node: it and earlier ones never come back.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Tombstones(int shards)
{
    private readonly ulong[] _removed = new ulong[shards];

    /// <summary>The highest one removed; none.</summary>
    public ReplicaId Of(ShardId shard) => new(Volatile.Read(ref _removed[shard.Value]));

    /// <summary>A replica is gone, durably.</summary>
    public void Raise(ShardId shard, ReplicaId replica)
    {
        if (replica.Value > Of(shard).Value) Volatile.Write(ref _removed[shard.Value], replica.Value);
    }
}
