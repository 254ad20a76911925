using NoriKV.Node.Machine;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.MetaGroup;

/// <summary>The driver looks after shards that nobody moves: it must see what differs, and let sleep what does not.</summary>
public sealed class AuditTests
{
    [Fact]
    public void A_level_cluster_falls_asleep_and_the_looks_of_its_driver_wake_nobody()
    {
        GrowingCluster cluster = Three();
        cluster.RunUntil(() => Awake(cluster).Count == 0, "every group sleeps, the meta group too");
        // Twenty rounds: each shard is looked at eight times.
        for (int ms = 0; ms < 10_000; ms += 100)
        {
            cluster.Run(100);
            Assert.Empty(Awake(cluster));
        }
    }

    [Fact]
    public void A_voter_that_lost_its_vote_behind_the_drivers_back_gets_it_again()
    {
        GrowingCluster cluster = Three();
        var shard = new ShardId(5);
        NoriNode leader = cluster.LeaderNode(shard);
        Raft.Configuration before = cluster.Leader(shard)!.Configuration;
        ConfigurationMember[] members = [.. leader.Log.Group(shard)!.Report().Members];
        int other = Array.FindIndex(members, m => m.Node != leader.Number);
        members[other] = members[other] with { Role = MemberRole.Learner };
        Assert.Null(cluster.Await(leader.Log.ChangeMembersAsync(
            shard, new LogIndex(cluster.Leader(shard)!.ConfigurationIndex), members, long.MaxValue).AsTask()));
        cluster.RunUntil(() => cluster.Leader(shard)?.Configuration is { IsJoint: false, Voters.Count: 2 }, "it has no vote");
        cluster.RunUntil(() => cluster.Leader(shard)?.Configuration is { IsJoint: false, Voters.Count: 3 }, "it votes again");
        Assert.Equal(before, cluster.Leader(shard)!.Configuration);
    }

    private static GrowingCluster Three()
    {
        var cluster = new GrowingCluster();
        cluster.Join(2);
        cluster.Join(3);
        cluster.AwaitLevel(3);
        cluster.RunUntil(
            () => cluster.Leader(cluster.Meta)?.Configuration is { IsJoint: false, Voters.Count: 3 }, "the meta group has three voters");
        return cluster;
    }

    private static List<string> Awake(GrowingCluster cluster) =>
    [
        .. cluster.Nodes.SelectMany(node => node.Value.Log.Groups
            .Where(static group => group.Core.Sleep != Raft.SleepState.Asleep)
            .Select(group => $"n{node.Key}, shard {group.Shard}: {group.Core.Sleep}")),
    ];
}
