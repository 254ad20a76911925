using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Nodes;

/// <summary>The plan of a simulated cluster: every shard has a voter on every node.</summary>
internal static class ClusterShape
{
    private static readonly Guid s_cluster = new("5e8f0a3c-0000-4000-8000-000000000001");

    public static ClusterPlan PlanOf(NodeNumber self, int nodes) => new()
    {
        Self = self,
        ClusterId = s_cluster,
        Nodes = [.. Enumerable.Range(1, nodes).Select(i => new PlannedNode(new NodeNumber((ulong)i), $"n{i}", $"n{i}:1"))],
        Replicas = shard =>
        [
            .. Enumerable.Range(1, nodes).Select(i => new PlannedReplica(
                new ReplicaId((shard.Value * (ulong)nodes) + (ulong)i), new NodeNumber((ulong)i), IsLearner: false)),
        ],
    };
}
