using System.Globalization;
using NoriKV.Cli.Console;
using NoriKV.Node;
using NoriKV.Node.Meta;
using NoriKV.Transport.Grpc;
using NoriKV.Types;

namespace NoriKV.Cli.Cluster;

/// <summary>A cluster's status for people.</summary>
internal static class ClusterText
{
    /// <summary>The whole in a few lines.</summary>
    public static IEnumerable<string> Summary(ClusterFacts facts)
    {
        ClusterStatus status = facts.Status;
        int members = facts.Members.Count(), live = facts.Members.Count(static n => n.IsLive);
        string replicas = status.EffectiveReplicationFactor == status.ReplicationFactor
            ? $"{Count(status.ReplicationFactor, "replica")} each"
            : $"{Count(status.EffectiveReplicationFactor, "replica")} each, {status.ReplicationFactor} once there are as many nodes";
        int leaderless = facts.DataShards.Count(static s => s.Leader.Value == 0);
        yield return $"cluster  {status.ClusterId}";
        yield return $"meta     led by {facts.NameOf(status.MetaLeader)}, view {N(status.ViewEpoch)}";
        yield return $"nodes    {live} of {members} there" + Tail(facts.Silent.Select(SilentText));
        yield return $"shards   {N(status.TotalShards)}, {replicas}, "
            + (leaderless == 0 ? "all led" : $"{N(leaderless)} WITHOUT A LEADER");
        yield return "moves    " + (status.MovesWanted == 0
            ? "none"
            : $"{N(status.MovesInFlight)} under way, {N(status.MovesWanted)} to do");
    }

    public static TextTable Nodes(ClusterFacts facts, bool all)
    {
        var table = new TextTable("NODE", "STATE", "THERE", ">REPLICAS", ">LEADS", "ZONE", "ADDRESS", ">NUMBER");
        foreach (NodeStatus node in facts.Status.Nodes.Where(n => all || n.Node.IsMember))
        {
            RegisteredNode known = node.Node;
            table.Add(
                known.Name, AdminMessages.Word(known.State), node.IsLive ? "yes" : $"silent {Span(node.SilentMs)}", N(node.Replicas),
                N(node.Leaders), known.Zone, known.Address, $"{known.Number}");
        }

        return table;
    }

    public static TextTable Shards(ClusterFacts facts, IEnumerable<ShardStatus> shards)
    {
        var table = new TextTable(">SHARD", "LEADER", ">TERM", "REPLICAS", "MOVE");
        foreach (ShardStatus shard in shards)
        {
            table.Add(
                facts.TitleOf(shard), facts.NameOf(shard.Leader), $"{shard.Term}",
                string.Join(" ", shard.Replicas.Select(r => ReplicaText(facts, r))), shard.Move ?? "");
        }

        return table;
    }

    /// <summary>A verdict, then what is not as it should be.</summary>
    public static IEnumerable<string> Health(ClusterFacts facts)
    {
        yield return facts.IsHealthy ? "healthy" : facts.Leaderless.Any() ? "unhealthy" : "degraded";
        foreach (NodeStatus node in facts.Silent) yield return "  node " + SilentText(node);
        foreach (ShardStatus meta in facts.Leaderless.Where(s => s.Shard.Value == facts.Status.TotalShards))
            yield return $"  the meta group has no leader (shard {facts.TitleOf(meta)})";
        int leaderless = facts.DataShards.Count(static s => s.Leader.Value == 0);
        if (leaderless > 0) yield return $"  {N(leaderless)} of {N(facts.Status.TotalShards)} shards have no leader";
        int thin = facts.UnderReplicated.Count();
        if (thin > 0)
        {
            yield return $"  {N(thin)} of {N(facts.Status.TotalShards)} shards have fewer than "
                + $"{facts.Status.EffectiveReplicationFactor} replicas on nodes that are there";
        }

        if (!facts.IsHealthy) yield return "norikv doctor says why, and what to do";
    }

    public static TextTable View(ClusterView view)
    {
        var table = new TextTable("NODE", "ROLE", "ADDRESS", ">LEADS", ">REPLICAS");
        foreach (ClusterNode node in view.Nodes)
        {
            table.Add(
                node.Id, node.Role.ToString().ToLowerInvariant(), node.Address,
                N(view.Shards.Count(s => s.Replicas.Any(r => r.NodeId == node.Id && r.IsLeader))),
                N(view.Shards.Count(s => s.Replicas.Any(r => r.NodeId == node.Id))));
        }

        return table;
    }

    /// <summary>How long, as people say it.</summary>
    public static string Span(long milliseconds)
    {
        TimeSpan span = TimeSpan.FromMilliseconds(milliseconds);
        return span.TotalSeconds < 60 ? $"{span.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s"
            : span.TotalMinutes < 60 ? $"{(int)span.TotalMinutes} min {span.Seconds} s"
            : span.TotalHours < 24 ? $"{(int)span.TotalHours} h {span.Minutes} min"
            : $"{(int)span.TotalDays} d {span.Hours} h";
    }

    public static string Count(long count, string noun) => $"{N(count)} {noun}{(count == 1 ? "" : "s")}";

    public static string N(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string N(ulong number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string SilentText(NodeStatus node) => $"{node.Node.Name} is silent for {Span(node.SilentMs)}";

    private static string ReplicaText(ClusterFacts facts, PlannedReplica replica) =>
        facts.NameOf(replica.Node) + (replica.IsLearner ? "(learner)" : "");

    private static string Tail(IEnumerable<string> words)
    {
        string joined = string.Join(", ", words);
        return joined.Length == 0 ? "" : $"; {joined}";
    }
}
