using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>Who the nodes are and where the replicas live, as of one revision. Immutable.</summary>
public sealed record ClusterMap
{
    /// <summary>Nothing is known.</summary>
    public static ClusterMap Empty { get; } = new();

    /// <summary>The applied index of the meta group that it is of; 0: a plan's, before the registry was written.</summary>
    public ulong Revision { get; init; }

    /// <summary>
    /// Replica ids below were allocated when it was read: a replica below that it does not name was removed for good.
    /// </summary>
    public ulong NextReplica { get; init; }

    /// <summary>All nodes that ever were, sorted by number.</summary>
    public IReadOnlyList<RegisteredNode> Nodes { get; init; } = [];

    /// <summary>The replicas of each shard, by shard; the meta group behind the last one.</summary>
    public IReadOnlyList<IReadOnlyList<PlannedReplica>> Shards { get; init; } = [];

    /// <summary>The replicas of a shard; none where nothing is known.</summary>
    public IReadOnlyList<PlannedReplica> ReplicasOf(ShardId shard) =>
        shard.Value < (uint)Shards.Count ? Shards[(int)shard.Value] : [];

    /// <summary>Those of the nodes that are members, as they are dialed.</summary>
    public IEnumerable<PlannedNode> Members => Nodes.Where(static n => n.IsMember).Select(static n =>
        new PlannedNode(n.Number, n.Name, n.Address) { Zone = n.Zone, StoreUuid = n.StoreUuid });

    /// <summary>A node by its number; null where it is not known.</summary>
    public RegisteredNode? Find(NodeNumber number)
    {
        int low = 0, high = Nodes.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int order = Nodes[middle].Number.CompareTo(number);
            if (order == 0) return Nodes[middle];
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return null;
    }

    /// <summary>The member of that name; null where there is none.</summary>
    public RegisteredNode? Find(string name)
    {
        foreach (RegisteredNode node in Nodes)
        {
            if (node.IsMember && node.Name == name) return node;
        }

        return null;
    }

    /// <summary>The dialable address of a node; empty where it is not known.</summary>
    public string AddressOf(NodeNumber number) => Find(number)?.Address ?? "";
}
