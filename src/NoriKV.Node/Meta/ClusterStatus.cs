using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>The cluster as its meta leader sees it.</summary>
public sealed record ClusterStatus
{
    /// <summary>The cluster.</summary>
    public Guid ClusterId { get; init; }

    /// <summary>Fixed at formation.</summary>
    public int TotalShards { get; init; }

    /// <summary>What the cluster is configured for.</summary>
    public int ReplicationFactor { get; init; }

    /// <summary>What it has: the greatest odd number not above the configured one and the nodes it ever had at once.</summary>
    public int EffectiveReplicationFactor { get; init; }

    /// <summary>Formats above this version are not written.</summary>
    public int ClusterVersion { get; init; }

    /// <summary>The node that leads the meta group.</summary>
    public NodeNumber MetaLeader { get; init; }

    /// <summary>The epoch of the newest view.</summary>
    public ulong ViewEpoch { get; init; }

    /// <summary>All nodes, sorted by number; those that are gone included.</summary>
    public IReadOnlyList<NodeStatus> Nodes { get; init; } = [];

    /// <summary>All shards by number; the meta group behind the last one.</summary>
    public IReadOnlyList<ShardStatus> Shards { get; init; } = [];

    /// <summary>Moves under way.</summary>
    public int MovesInFlight { get; init; }

    /// <summary>Moves that the plan still wants, those under way included.</summary>
    public int MovesWanted { get; init; }
}
