using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Groups without work sleep; nodes watch each other meanwhile.</summary>
public sealed class HibernationTests
{
    [Fact]
    public void Idle_groups_send_nothing_and_the_traffic_does_not_depend_on_their_number()
    {
        (long frames, long bytes) few = IdleTraffic(shards: 2);
        (long frames, long bytes) many = IdleTraffic(shards: 40);
        Assert.Equal(few.frames, many.frames);
        Assert.Equal(few.bytes, many.bytes);
        // Each node tells each of its two peers every 150 ms that it is there.
        Assert.InRange(few.frames, 3 * 2 * 60, 3 * 2 * 70);
    }

    [Fact]
    public void A_write_wakes_a_group_and_it_falls_asleep_again()
    {
        SteppedCluster cluster = Asleep(4);
        int leader = cluster.LeaderOf("k");
        uint shard = cluster.Nodes[0]!.ShardOf(Bytes("k")).Value;
        Assert.True(cluster.Put("k", "v").IsOk);
        Assert.Equal(Raft.SleepState.Awake, cluster.Nodes[leader]!.Inspect(new ShardId(shard)).Sleep);
        Assert.Equal("v", cluster.Read((leader + 1) % 3, "k"));
        cluster.Run(5000);
        AssertAllAsleep(cluster);
    }

    [Fact]
    public void The_loss_of_a_node_wakes_the_groups_that_it_leads()
    {
        SteppedCluster cluster = Asleep(6);
        int dead = cluster.LeaderOf(0);
        cluster.Crash(dead, 3);
        cluster.RunUntil(
            () => Enumerable.Range(0, 6).All(s => cluster.LeaderOf((uint)s) is var l && l >= 0 && l != dead), "all are led again", 5000);

        // Its return: it follows, and what it missed it gets, although the groups fell asleep without it.
        Assert.True(cluster.Put("k", "v").IsOk);
        cluster.Run(6000);
        cluster.Start(dead);
        cluster.Run(6000);
        Assert.Equal("v", cluster.Read(dead, "k"));
        ClusterReplicationTests.AssertEqualReplicas(cluster);
    }

    // More groups than elections that may be under way at once: those that nobody can win must not hold up the others.
    [Fact]
    [Trait("Category", "Slow")]
    public void Groups_that_sleep_through_the_loss_of_a_majority_tell_within_seconds_that_nobody_leads_them()
    {
        SteppedCluster cluster = Asleep(600);
        NoriNode survivor = cluster.Nodes[0]!;
        Assert.Equal((HealthStatus.Healthy, null), (survivor.Health.Status, survivor.CannotServeReason));
        cluster.Crash(1, 3);
        cluster.Crash(2, 4);
        cluster.Run(6000);
        for (uint shard = 0; shard < cluster.Shards; shard++)
        {
            ReplicaStatus status = cluster.Status(0, shard);
            Assert.True(status.Leader.Value == 0 && !status.IsLeader, $"shard {shard} is said to be led by {status.Leader}");
        }

        Assert.Equal(HealthStatus.Degraded, survivor.Health.Status);
        Assert.Contains("This node knows no leader of 600 shards", survivor.Health.Reasons);
        Assert.Equal("600 of the 600 shards on this node have no leader", survivor.CannotServeReason);
        Assert.Null(survivor.NotReadyReason);
        KvResult<PutResult> refused = cluster.Await(cluster.BeginPut(0, "k", "v"));
        Assert.Equal(KvCode.QuorumUnavailable, refused.Error!.Code);

        cluster.Start(1);
        cluster.RunUntil(() => survivor.CannotServeReason is null, "most are led again");
        cluster.RunUntil(() => survivor.Health.Status == HealthStatus.Healthy, "all are led again");
        Assert.True(cluster.Await(cluster.BeginPut(0, "k", "v")).IsOk);
    }

    [Fact]
    public void A_leader_that_restarts_while_its_groups_sleep_is_noticed_by_its_boot_epoch()
    {
        SteppedCluster cluster = Asleep(4);
        int leader = cluster.LeaderOf(0);
        cluster.Crash(leader, 3);
        cluster.Start(leader);
        cluster.RunUntil(() => Enumerable.Range(0, 4).All(s => cluster.LeaderOf((uint)s) >= 0), "all are led again", 5000);
        Assert.True(cluster.Put("k", "v").IsOk);
    }

    private static (long Frames, long Bytes) IdleTraffic(int shards)
    {
        SteppedCluster cluster = Asleep(shards);
        long frames = 0, bytes = 0;
        cluster.Network.Sent = (_, _, channel, frame) =>
        {
            if (channel == PeerChannel.Raft) (frames, bytes) = (frames + 1, bytes + frame.Length);
        };
        cluster.Run(9600);
        AssertAllAsleep(cluster);
        return (frames, bytes);
    }

    private static SteppedCluster Asleep(int shards)
    {
        var cluster = new SteppedCluster(shards: shards);
        cluster.AwaitLeaders();
        cluster.Run(6000);
        AssertAllAsleep(cluster);
        return cluster;
    }

    private static void AssertAllAsleep(SteppedCluster cluster)
    {
        for (int i = 0; i < 3; i++)
        {
            for (uint shard = 0; shard < cluster.Shards; shard++)
            {
                Raft.SleepState sleep = cluster.Nodes[i]!.Inspect(new ShardId(shard)).Sleep;
                Assert.True(sleep == Raft.SleepState.Asleep, $"node {i}, shard {shard}: {sleep}");
            }
        }
    }
}
