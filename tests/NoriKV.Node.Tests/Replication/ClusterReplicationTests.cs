using Nori.IO;
using NoriKV.Node.Ports;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Three nodes replicate, fail over and come back.</summary>
public sealed class ClusterReplicationTests
{
    [Fact]
    public void Three_nodes_elect_leaders_and_hold_the_same()
    {
        var cluster = new SteppedCluster();
        cluster.AwaitLeaders();
        for (int i = 0; i < 40; i++) Assert.True(cluster.Put($"k{i}", $"v{i}").IsOk);
        cluster.Run(500);
        AssertEqualReplicas(cluster);
        for (int i = 0; i < 40; i++)
        {
            for (int node = 0; node < 3; node++) Assert.Equal($"v{i}", cluster.Read(node, $"k{i}"));
        }
    }

    [Fact]
    public void When_a_leader_loses_its_power_another_one_goes_on_with_everything_acknowledged()
    {
        var cluster = new SteppedCluster(shards: 2);
        cluster.AwaitLeaders();
        for (int i = 0; i < 20; i++) Assert.True(cluster.Put($"k{i}", "old").IsOk);
        int dead = cluster.LeaderOf(0);
        cluster.Crash(dead, 7);
        cluster.AwaitLeaders();
        for (int i = 0; i < 20; i++) Assert.Equal("old", cluster.Read(cluster.LeaderOf($"k{i}"), $"k{i}"));
        for (int i = 10; i < 30; i++) Assert.True(cluster.Put($"k{i}", "new").IsOk);

        cluster.Start(dead);
        cluster.Run(3000);
        AssertEqualReplicas(cluster);
        for (int i = 0; i < 30; i++) Assert.Equal(i < 10 ? "old" : "new", cluster.Read(dead, $"k{i}"));
    }

    [Fact]
    public void All_nodes_lose_their_power_at_once_and_nothing_acknowledged_is_lost()
    {
        var cluster = new SteppedCluster(shards: 3);
        cluster.AwaitLeaders();
        for (int i = 0; i < 30; i++) Assert.True(cluster.Put($"k{i}", $"v{i}").IsOk);
        for (int i = 0; i < 3; i++) cluster.Crash(i, (ulong)(i + 3));
        for (int i = 0; i < 3; i++) cluster.Start(i);
        cluster.AwaitLeaders();
        for (int i = 0; i < 30; i++) Assert.Equal($"v{i}", cluster.Read(cluster.LeaderOf($"k{i}"), $"k{i}"));
    }

    [Fact]
    public void A_leader_that_is_cut_off_calls_no_membership_settled()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int old = cluster.LeaderOf(0);
        cluster.Run(100);
        Assert.True(cluster.Await(Report()) is { IsLeader: true, IsSettled: true });
        cluster.Network.Isolate(cluster.Numbers[old].Value);
        // It has heard nothing else yet.
        Assert.True(cluster.Status(old, 0).IsLeader);
        Assert.False(cluster.Await(Report()) is { IsLeader: true, IsSettled: true });

        Task<Meta.GroupReport?> Report() => cluster.Nodes[old]!.Log
            .ReportAsync(new ShardId(0), cluster.Time.GetTimestamp() + (3 * cluster.Time.TimestampFrequency)).AsTask();
    }

    [Fact]
    public void A_leader_that_is_cut_off_answers_no_read_with_what_is_no_longer_the_latest()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        Assert.True(cluster.Put("k", "old").IsOk);
        int old = cluster.LeaderOf(0);
        cluster.Network.Isolate(cluster.Numbers[old].Value);
        Task<KvResult<GetResult>> linearizable = Get(old, Consistency.Linearizable);
        cluster.RunUntil(() => cluster.LeaderOf(0) is var now && now >= 0 && now != old, "the others elect one");
        Assert.True(cluster.Put("k", "new").IsOk);
        Task<KvResult<GetResult>> lease = Get(old, Consistency.Lease);
        Task<KvResult<GetResult>> bounded = cluster.Nodes[old]!.GetAsync(
            Bytes("k"), new ReadOptions { Consistency = Consistency.Bounded, MaxStaleness = TimeSpan.FromMilliseconds(1) },
            cluster.Context(3000)).AsTask();
        foreach (Task<KvResult<GetResult>> read in new[] { linearizable, lease, bounded })
        {
            KvError error = cluster.Await(read).Error!;
            Assert.True(error.Code is KvCode.QuorumUnavailable or KvCode.DeadlineExceeded, error.Message);
        }

        Assert.Equal("old", cluster.Read(old, "k", Consistency.StaleOk));
        cluster.Network.Heal();
        cluster.Run(2000);
        Assert.Equal("new", cluster.Read(old, "k"));

        Task<KvResult<GetResult>> Get(int node, Consistency consistency) => cluster.Nodes[node]!.GetAsync(
            Bytes("k"), new ReadOptions { Consistency = consistency }, cluster.Context(3000)).AsTask();
    }

    [Fact]
    public void A_lease_serves_reads_without_the_peers_and_ends_by_itself()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        Assert.True(cluster.Put("k", "v").IsOk);
        cluster.Run(300);
        int leader = cluster.LeaderOf(0);
        cluster.Network.Loses = static (_, _) => true;
        ReadOptions lease = new() { Consistency = Consistency.Lease };
        GetResult got = Answer(cluster.Nodes[leader]!.GetAsync(Bytes("k"), lease, Context).AsTask()).Value;
        Assert.Equal(Consistency.Lease, got.Meta.Consistency);
        cluster.Time.AdvanceMs(600);
        Assert.False(cluster.Nodes[leader]!.GetAsync(Bytes("k"), lease, Context).AsTask().IsCompleted);
    }

    [Fact]
    public void A_lease_that_ends_while_the_state_is_read_makes_no_answer()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        Assert.True(cluster.Put("k", "v").IsOk);
        cluster.Run(300);
        int leader = cluster.LeaderOf(0);
        var log = (IReplicatedLog)cluster.Nodes[leader]!.Log;
        ReadBarrier barrier = Answer(log.ReadBarrierAsync(
            new ShardId(0), new ReadOptions { Consistency = Consistency.Lease }, long.MaxValue).AsTask());
        Assert.True(barrier.MustConfirm);
        Assert.True(log.Confirm(new ShardId(0), barrier));
        // A pause of the process between the look at the lease and the read.
        cluster.Time.AdvanceMs(600);
        Assert.False(log.Confirm(new ShardId(0), barrier));
    }

    [Fact]
    public void A_write_waits_through_an_election_and_without_a_majority_says_so()
    {
        var cluster = new SteppedCluster(shards: 1);
        Task<KvResult<PutResult>>[] puts = [.. Enumerable.Range(0, 3).Select(i => cluster.BeginPut(i, "k", $"{i}"))];
        cluster.AwaitLeaders();
        Assert.All(puts, p => Assert.True(cluster.Await(p).IsOk));

        int leader = cluster.LeaderOf(0);
        cluster.Crash((leader + 1) % 3, 1);
        cluster.Crash((leader + 2) % 3, 1);
        cluster.Run(2000);
        KvError error = cluster.Await(cluster.BeginPut(leader, "k", "x")).Error!;
        Assert.Equal(KvCode.QuorumUnavailable, error.Code);
    }

    [Fact]
    public void Leadership_moves_to_the_node_that_was_asked_for()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        Assert.True(cluster.Put("k", "v").IsOk);
        int leader = cluster.LeaderOf(0);
        int target = (leader + 1) % 3;
        KvResult<ShardView> moved = cluster.Await(
            cluster.Nodes[leader]!.TransferShardAsync(new ShardId(0), $"n{target + 1}", cluster.Context(5000)).AsTask());
        Assert.True(moved.IsOk, moved.Error?.Message);
        cluster.Run(300);
        Assert.Equal(target, cluster.LeaderOf(0));
        Assert.Equal("v", cluster.Read(target, "k"));
        Assert.True(cluster.Nodes[target]!.View.Shards[0].Replicas.Single(r => r.NodeId == $"n{target + 1}").IsLeader);
    }

    [Fact]
    public void A_node_that_stops_hands_its_leaderships_over()
    {
        var cluster = new SteppedCluster(shards: 6);
        cluster.AwaitLeaders();
        cluster.Nodes[0]!.Log.HandOver();
        cluster.Run(300);
        for (uint shard = 0; shard < 6; shard++) Assert.True(cluster.LeaderOf(shard) > 0, $"shard {shard}");
    }

    [Fact]
    public void A_follower_that_lacks_what_the_log_forgot_gets_a_snapshot()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        int away = (leader + 1) % 3;
        Assert.True(cluster.Put("before", "v").IsOk);
        cluster.Run(200);
        cluster.Crash(away, 5);
        for (int i = 0; i < 50; i++) Assert.True(cluster.Put($"k{i}", $"v{i}").IsOk);
        foreach (int i in Enumerable.Range(0, 3).Where(i => i != away))
        {
            ShardView cut = cluster.Await(cluster.Nodes[i]!.SnapshotShardAsync(new ShardId(0), Context).AsTask()).Value;
            Assert.NotNull(cut);
            Assert.True(cluster.Nodes[i]!.Inspect(new ShardId(0)).First > 20);
        }

        cluster.Start(away);
        cluster.RunUntil(
            () => cluster.Status(away, 0).Applied.Value >= cluster.Status(cluster.LeaderOf(0) is var l && l >= 0 ? l : 0, 0).Commit.Value
                && cluster.Status(away, 0).Applied.Value > 50,
            "the one that was away has caught up");
        Assert.True(cluster.Nodes[away]!.Inspect(new ShardId(0)).First > 20);
        AssertEqualReplicas(cluster);
        Assert.True(cluster.Put("after", "v").IsOk);

        // What was installed survives.
        cluster.Run(500);
        cluster.Crash(away, 9);
        cluster.Start(away);
        cluster.Run(3000);
        AssertEqualReplicas(cluster);
        Assert.Equal("v", cluster.Read(away, "after"));
    }

    [Fact]
    public void One_sync_of_each_node_serves_writes_of_all_groups()
    {
        var cluster = new SteppedCluster(shards: 16);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        string[] keys = [.. Enumerable.Range(0, 2000).Select(i => $"k{i}").Where(k => cluster.LeaderOf(k) == leader).Take(100)];
        Assert.True(keys.Select(k => cluster.Nodes[leader]!.ShardOf(Bytes(k))).Distinct().Count() > 3);
        long[] before = [.. cluster.Files.Select(f => f.Calls(FileOperation.Sync))];
        Task<KvResult<PutResult>>[] puts = [.. keys.Select(k => cluster.BeginPut(leader, k, "v"))];
        cluster.Settle();
        Assert.All(puts, p => Assert.True(Answer(p).IsOk));
        for (int i = 0; i < 3; i++) Assert.Equal(1, cluster.Files[i].Calls(FileOperation.Sync) - before[i]);
    }

    internal static void AssertEqualReplicas(SteppedCluster cluster)
    {
        for (uint shard = 0; shard < cluster.Shards; shard++)
        {
            string first = cluster.Dump(0, shard);
            for (int i = 1; i < cluster.Nodes.Length; i++)
            {
                Assert.True(first == cluster.Dump(i, shard), $"shard {shard}: n1 and n{i + 1} differ, seed {cluster.Seed}");
            }
        }
    }
}
