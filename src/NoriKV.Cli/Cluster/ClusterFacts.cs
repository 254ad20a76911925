using NoriKV.Node;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Cli.Cluster;

/// <summary>What follows from a cluster's status. Pure.</summary>
internal sealed class ClusterFacts(ClusterStatus status)
{
    private readonly Dictionary<NodeNumber, NodeStatus> _nodes = status.Nodes.ToDictionary(static n => n.Node.Number);

    public ClusterStatus Status => status;

    /// <summary>Nodes that are part of it.</summary>
    public IEnumerable<NodeStatus> Members => status.Nodes.Where(static n => n.Node.IsMember);

    public IEnumerable<NodeStatus> Silent => Members.Where(static n => !n.IsLive);

    /// <summary>The shards that hold keys.</summary>
    public IEnumerable<ShardStatus> DataShards => status.Shards.Take(status.TotalShards);

    /// <summary>Shards that nobody leads.</summary>
    public IEnumerable<ShardStatus> Leaderless => status.Shards.Where(static s => s.Leader.Value == 0);

    /// <summary>Shards of which fewer voters are on live nodes than the cluster wants.</summary>
    public IEnumerable<ShardStatus> UnderReplicated =>
        DataShards.Where(s => LiveVoters(s) < status.EffectiveReplicationFactor);

    public bool IsHealthy => !Silent.Any() && !Leaderless.Any() && !UnderReplicated.Any();

    /// <summary>A node's name; its number where none is known.</summary>
    public string NameOf(NodeNumber node) =>
        node.Value == 0 ? "" : _nodes.TryGetValue(node, out NodeStatus? known) ? known.Node.Name : $"node {node}";

    /// <summary>The member of that name.</summary>
    public NodeStatus? Find(string name) => Members.FirstOrDefault(n => n.Node.Name == name);

    /// <summary>Everything that lives on a node, the meta group's replica included.</summary>
    public int ReplicasOn(NodeNumber node) => status.Shards.Count(s => s.Replicas.Any(r => r.Node == node));

    public string TitleOf(ShardStatus shard) => shard.Shard.Value == status.TotalShards ? "meta" : $"{shard.Shard.Value}";

    private int LiveVoters(ShardStatus shard) =>
        shard.Replicas.Count(r => !r.IsLearner && _nodes.TryGetValue(r.Node, out NodeStatus? node) && node.IsLive);
}
