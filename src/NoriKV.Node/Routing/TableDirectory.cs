using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>The directory that the cluster's table and the last view make.</summary>
/// <param name="table">Nodes and replicas.</param>
/// <param name="self">This node, whose id outside is known before the table names it.</param>
/// <param name="name">That id.</param>
/// <param name="addressOf">The dialable address of a node.</param>
/// <param name="leaderOf">Who led a shard when last heard.</param>
internal sealed class TableDirectory(
    ClusterTable table, NodeNumber self, string name, Func<NodeNumber, string> addressOf, Func<ShardId, NodeNumber> leaderOf)
    : IShardDirectory
{
    public IReadOnlyList<NodeNumber> ReplicasOf(ShardId shard) =>
        [.. table.ReplicasOf(shard).Where(static r => !r.IsLearner).Select(static r => r.Node)];

    public NodeNumber LeaderOf(ShardId shard) => leaderOf(shard);

    public string AddressOf(NodeNumber node) => addressOf(node);

    public string NameOf(NodeNumber node) => node == self ? name : table.Current.Find(node)?.Name ?? "";
}
