using Nori.Raft.Core;
using NoriKV.Node;
using NoriKV.Node.Meta;
using NoriKV.Placement;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>
/// Judges where a cluster has come to rest: every shard has as many voters as there are nodes for, on nodes that are members,
/// replicas and leaders are level to one, and registry, configurations and what lives on the machines are the same.
/// </summary>
internal static class PlacementCheck
{
    private const int ReplicationFactor = 3;
    private const int MetaFactor = 5;

    /// <summary>What is not yet as it shall be by the registry, in words; null where all is.</summary>
    public static string? Unrest(ClusterStatus status, IReadOnlyCollection<NodeNumber> members)
    {
        NodeStatus[] active = [.. status.Nodes.Where(static n => n.Node.State == RegisteredState.Active)];
        NodeNumber[] numbers = [.. active.Select(static n => n.Node.Number).Order()];
        if (!numbers.SequenceEqual(members.Order())) return $"active are {string.Join(',', numbers)}";
        if (active.FirstOrDefault(static n => !n.IsLive) is { } silent) return $"node {silent.Node.Number} is silent";
        int voters = PlacementPlanner.EffectiveReplicationFactor(ReplicationFactor, active.Length);
        int copies = active.Length == 2 ? 2 : voters;
        int metaVoters = PlacementPlanner.EffectiveReplicationFactor(MetaFactor, active.Length);
        foreach (ShardStatus shard in status.Shards)
        {
            bool isMeta = shard.Shard.Value == (uint)status.TotalShards;
            if (shard.Move is { } move) return $"shard {shard.Shard} moves {move}";
            int has = shard.Replicas.Count(static r => !r.IsLearner);
            // The meta group's factor never falls by itself: four of five are four.
            bool isMetaLess = isMeta && has == Math.Min(MetaFactor, active.Length);
            if (has != (isMeta ? metaVoters : voters) && !isMetaLess) return $"shard {shard.Shard} has {has} voters";
            if (!isMeta && shard.Replicas.Count != copies) return $"shard {shard.Shard} has {shard.Replicas.Count} copies";
            if (shard.Replicas.Select(static r => r.Node).Distinct().Count() != shard.Replicas.Count)
                return $"shard {shard.Shard} lies twice on one node";
            if (shard.Replicas.FirstOrDefault(r => !numbers.Contains(r.Node)) is { Id.Value: > 0 } stray)
                return $"shard {shard.Shard} lies on node {stray.Node}";
        }

        return Uneven("replicas", status.TotalShards * copies, active, static n => n.Replicas)
            // A shard with one vote is led where that is.
            ?? (voters > 1 ? Uneven("leaders", status.TotalShards, active, static n => n.Leaders) : null);
    }

    private static string? Uneven(string what, int all, NodeStatus[] nodes, Func<NodeStatus, int> count)
    {
        int least = all / nodes.Length, most = (all + nodes.Length - 1) / nodes.Length;
        return nodes.FirstOrDefault(n => count(n) < least || count(n) > most) is { } uneven
            ? $"node {uneven.Node.Number} has {count(uneven)} {what}, not {least} to {most}"
            : null;
    }

    /// <summary>What lives on the machines otherwise than the registry says, in words; null where nothing does.</summary>
    public static string? Strays(ClusterStatus status, IReadOnlyList<SimNode> nodes)
    {
        foreach (SimNode node in nodes)
        {
            if (node.Node is not { } production) return $"{node.Name} is down";
            foreach (ShardStatus shard in status.Shards)
            {
                ulong wanted = shard.Replicas.FirstOrDefault(r => r.Node == node.Number).Id.Value;
                ulong lives = production.Host.Group(shard.Shard)?.Replica.Value ?? 0;
                if (wanted != lives) return $"shard {shard.Shard} on {node.Name}: replica {lives} lives there, not {wanted}";
                if (production.Host.Group(shard.Shard) is not { Core.Role: RaftRole.Leader } group) continue;
                Configuration configuration = group.Core.Configuration;
                if (configuration.IsJoint
                    || !Same(configuration.Voters, shard.Replicas.Where(static r => !r.IsLearner))
                    || !Same(configuration.Learners, shard.Replicas.Where(static r => r.IsLearner)))
                {
                    return $"shard {shard.Shard} has the configuration {configuration}, not {string.Join(' ', shard.Replicas)}";
                }
            }
        }

        return null;
    }

    private static bool Same(IReadOnlyList<Nori.Raft.Core.ReplicaId> members, IEnumerable<PlannedReplica> planned) =>
        members.Select(static m => m.Value).Order().SequenceEqual(planned.Select(static r => r.Id.Value).Order());
}
