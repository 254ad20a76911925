using NoriKV.Node.Machine;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Learners, changes of voters by joint configurations, and what restarts remember of them.</summary>
public sealed class ClusterMembershipTests
{
    [Fact]
    public void A_learner_follows_and_a_voter_is_replaced_by_it()
    {
        SteppedCluster cluster = WithLearner();
        cluster.AwaitLeaders();
        for (int i = 0; i < 20; i++) Assert.True(cluster.Put($"k{i}", $"v{i}").IsOk);
        cluster.Run(500);
        ClusterReplicationTests.AssertEqualReplicas(cluster);
        int leader = cluster.LeaderOf(0);
        Assert.NotEqual(3, leader);

        int leaving = (leader + 1) % 3;
        Assert.Null(Change(cluster, leader, [.. Enumerable.Range(0, 4).Where(i => i != leaving)]));
        cluster.Run(500);
        foreach (int i in Enumerable.Range(0, 4).Where(i => i != leaving))
        {
            NodeInspection at = cluster.Nodes[i]!.Inspect(new ShardId(0));
            Assert.False(at.Configuration.IsJoint);
            Assert.Contains(new Raft.ReplicaId(4), at.Configuration.Voters);
            Assert.False(at.Configuration.Contains(new Raft.ReplicaId((ulong)leaving + 1)));
        }

        // The new voter counts: with it and one other there is a majority.
        cluster.Stop(leaving);
        cluster.Crash(leader, 3);
        cluster.RunUntil(() => cluster.LeaderOf(0) >= 0 || Leads(cluster, leader), "a leader of the new membership");
        int now = Enumerable.Range(0, 4).First(i => cluster.Nodes[i] is not null && cluster.Status(i, 0).IsLeader);
        Assert.True(cluster.Await(cluster.BeginPut(now, "after", "v")).IsOk);

        // And what it is survives a loss of power of everybody.
        for (int i = 0; i < 4; i++)
        {
            if (cluster.Nodes[i] is not null) cluster.Crash(i, (ulong)i);
        }

        foreach (int i in Enumerable.Range(0, 4).Where(i => i != leaving)) cluster.Start(i);
        cluster.Run(3000);
        now = Enumerable.Range(0, 4).First(i => cluster.Nodes[i] is not null && cluster.Status(i, 0).IsLeader);
        Assert.False(cluster.Nodes[now]!.Inspect(new ShardId(0)).Configuration.Contains(new Raft.ReplicaId((ulong)leaving + 1)));
        Assert.Equal("v", cluster.Read(now, "after"));
    }

    [Fact]
    public void A_plan_made_against_another_configuration_is_refused()
    {
        SteppedCluster cluster = WithLearner();
        cluster.AwaitLeaders();
        Assert.True(cluster.Put("k", "v").IsOk);
        int leader = cluster.LeaderOf(0);
        KvError error = Change(cluster, leader, [0, 1, 2, 3], plannedAgainst: 7)!;
        Assert.Equal(KvCode.FailedPrecondition, error.Code);
        KvError elsewhere = Change(cluster, (leader + 1) % 3, [0, 1, 2, 3])!;
        Assert.Equal(KvCode.NotLeader, elsewhere.Code);
    }

    [Fact]
    public void A_lone_voter_that_gets_company_reads_no_more_without_asking()
    {
        var cluster = new SteppedCluster(nodes: 2, shards: 1, configure: static o => o with
        {
            Plan = o.Plan! with { Replicas = static _ => [new(new ReplicaId(1), new(1), false), new(new ReplicaId(2), new(2), true)] },
        });
        cluster.RunUntil(() => cluster.Status(0, 0).IsLeader, "the lone voter leads");
        Assert.True(cluster.Await(cluster.BeginPut(0, "k", "v")).IsOk);
        cluster.Run(500);
        ValueTask<KvResult<GetResult>> alone = cluster.Nodes[0]!.GetAsync(Bytes("k"), ReadOptions.Default, Context);
        Assert.True(alone.IsCompletedSuccessfully);
        Assert.True(Answer(alone.AsTask()).IsOk);

        Assert.Null(Change(cluster, 0, [0, 1]));
        cluster.Run(500);
        Task<KvResult<GetResult>> asked = cluster.Nodes[0]!.GetAsync(Bytes("k"), ReadOptions.Default, cluster.Context(3000)).AsTask();
        Assert.False(asked.IsCompleted);
        Assert.True(cluster.Await(asked).IsOk);
        cluster.Network.Loses = static (_, _) => true;
        Assert.False(cluster.Await(
            cluster.Nodes[0]!.GetAsync(Bytes("k"), ReadOptions.Default, cluster.Context(2000)).AsTask()).IsOk);
    }

    private static bool Leads(SteppedCluster cluster, int not) => Enumerable.Range(0, 4).Any(
        i => i != not && cluster.Nodes[i] is not null && cluster.Status(i, 0).IsLeader);

    private static SteppedCluster WithLearner() => new(nodes: 4, shards: 1, configure: static o => o with
    {
        Plan = o.Plan! with
        {
            Replicas = static _ => [.. Enumerable.Range(1, 4).Select(static n => new PlannedReplica(
                new ReplicaId((ulong)n), new NodeNumber((ulong)n), n == 4))],
        },
    });

    /// <summary>What a placement driver takes for done must not be undone, and nobody who still has a vote is called gone.</summary>
    [Fact]
    public void A_membership_that_is_changing_is_not_settled()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        cluster.Run(100);
        Assert.True(Report() is { IsLeader: true, IsSettled: true });
        cluster.Network.Isolate(cluster.Numbers[leader].Value);
        Assert.Null(Change(cluster, leader, voters: [leader, (leader + 1) % 3]));
        Assert.True(Report() is { IsLeader: true, IsSettled: false });

        Meta.GroupReport? Report() => cluster.Await(cluster.Nodes[leader]!.Log
            .ReportUnconfirmedAsync(new ShardId(0), cluster.Time.GetTimestamp() + cluster.Time.TimestampFrequency).AsTask());
    }

    internal static KvError? Change(SteppedCluster cluster, int at, int[] voters, ulong? plannedAgainst = null)
    {
        NodeInspection inspected = cluster.Nodes[at]!.Inspect(new ShardId(0));
        return cluster.Await(cluster.Nodes[at]!.Log.ChangeMembersAsync(
            new ShardId(0),
            new LogIndex(plannedAgainst ?? inspected.ConfigurationIndex),
            [.. voters.Select(i => new ConfigurationMember(new ReplicaId((ulong)i + 1), cluster.Numbers[i]))],
            long.MaxValue).AsTask());
    }
}
