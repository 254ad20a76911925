using NoriKV.Node.Routing;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>Where shards are by the newest map, and who leads them by the newest view.</summary>
internal sealed class TableDirectory(ClusterTable table, NodeViews views, NodeNumber self) : IShardDirectory
{
    private readonly NodeNumber[] _self = [self];

    public IReadOnlyList<NodeNumber> ReplicasOf(ShardId shard)
    {
        ClusterMap map = table.Current;
        IReadOnlyList<PlannedReplica> replicas = map.ReplicasOf(shard);
        // A node alone that has no registry yet holds everything.
        if (replicas.Count == 0) return map.Revision == 0 && map.Nodes.Count == 1 ? _self : [];
        return [.. replicas.OrderBy(static r => r.IsLearner).Select(static r => r.Node)];
    }

    public NodeNumber LeaderOf(ShardId shard) => views.LeaderOf(shard);

    public string AddressOf(NodeNumber node) => views.AddressOf(node);

    public string NameOf(NodeNumber node) => table.Current.Find(node)?.Name ?? "";
}
