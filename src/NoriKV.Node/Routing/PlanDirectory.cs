using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>The directory of a cluster that stays as it was planned.</summary>
/// <param name="plan">The plan; null for a node alone.</param>
/// <param name="self">This node.</param>
/// <param name="name">Its id outside.</param>
/// <param name="addressOf">The dialable address of a node.</param>
internal sealed class PlanDirectory(ClusterPlan? plan, NodeNumber self, string name, Func<NodeNumber, string> addressOf)
    : IShardDirectory
{
    private readonly NodeNumber[] _self = [self];

    public IReadOnlyList<NodeNumber> ReplicasOf(ShardId shard) =>
        plan is null ? _self : [.. plan.Replicas(shard).Select(static r => r.Node)];

    // Nobody issues views yet.
    public NodeNumber LeaderOf(ShardId shard) => plan is null ? self : default;

    public string AddressOf(NodeNumber node) => addressOf(node);

    public string NameOf(NodeNumber node) =>
        node == self ? name : plan?.Nodes.FirstOrDefault(n => n.Number == node)?.Name ?? "";
}
