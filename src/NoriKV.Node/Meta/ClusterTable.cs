using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>What this node knows of the cluster: the newest map it heard of from the meta leader, the plan's before that.</summary>
/// <remarks>Thread-safe: the lock guards the exchange; whoever is told is told outside of it.</remarks>
public sealed class ClusterTable
{
    private readonly Lock _lock = new();
    private ClusterMap _map;

    /// <summary>A table.</summary>
    /// <param name="first">What is known at the start.</param>
    public ClusterTable(ClusterMap first)
    {
        ArgumentNullException.ThrowIfNull(first);
        _map = first;
    }

    /// <summary>Raised on any thread behind a change of <see cref="Current"/>.</summary>
    public event Action<ClusterMap>? Changed;

    /// <summary>The newest map.</summary>
    public ClusterMap Current => Volatile.Read(ref _map);

    /// <summary>Takes a map over; false when one at least as new is known.</summary>
    public bool TryAdvance(ClusterMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        lock (_lock)
        {
            if (map.Revision <= _map.Revision) return false;
            Volatile.Write(ref _map, map);
        }

        Changed?.Invoke(map);
        return true;
    }

    /// <summary>The dialable address of a node; empty where it is not known.</summary>
    public string AddressOf(NodeNumber node) => Current.AddressOf(node);

    /// <summary>The nodes that hold a shard.</summary>
    public IReadOnlyList<PlannedReplica> ReplicasOf(ShardId shard) => Current.ReplicasOf(shard);
}
