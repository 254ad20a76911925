using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>Who the nodes of a cluster are and where its replicas live, fixed at start.</summary>
public sealed record ClusterPlan
{
    /// <summary>This node.</summary>
    public required NodeNumber Self { get; init; }

    /// <summary>Every node of the cluster, this one included.</summary>
    public required IReadOnlyList<PlannedNode> Nodes { get; init; }

    /// <summary>
    /// The replicas that a shard begins with. Once a shard has a configuration of its own, that one counts and this gives
    /// only the nodes of replicas that it does not name.
    /// </summary>
    public required Func<ShardId, IReadOnlyList<PlannedReplica>> Replicas { get; init; }

    /// <summary>The cluster's id, for a directory that is new. <value>Empty: random, so for one node only.</value></summary>
    public Guid ClusterId { get; init; }

    /// <summary>The store's uuid, for a directory that is new. <value>Empty: random.</value></summary>
    public Guid StoreUuid { get; init; }

    /// <summary>Replicas of a shard that the cluster was formed for. <value>3</value></summary>
    public int ReplicationFactor { get; init; } = 3;

    /// <summary>Every problem with the plan, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (Self.Value == 0) problems.Add("Plan.Self must not be 0");
        if (Nodes.Select(static n => n.Number).Distinct().Count() != Nodes.Count)
        {
            problems.Add("Plan.Nodes names a number twice");
        }

        if (!Nodes.Any(n => n.Number == Self)) problems.Add("Plan.Nodes must name Plan.Self");
        if (Nodes.Count > 1 && ClusterId == Guid.Empty) problems.Add("Plan.ClusterId must be given for more than one node");
        return problems;
    }
}
