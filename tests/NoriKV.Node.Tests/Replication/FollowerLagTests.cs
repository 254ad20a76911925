using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>How far peers are behind, as metrics tell it.</summary>
public sealed class FollowerLagTests
{
    [Fact]
    public void A_leader_counts_what_a_peer_lacks_until_it_has_caught_up()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        cluster.Run(2000);
        int leader = cluster.LeaderOf(0), away = (leader + 1) % 3, near = (leader + 2) % 3;
        Assert.Equal((0, 0), (Lag(cluster, leader, away), Lag(cluster, leader, near)));
        cluster.Crash(away, 3);
        for (int i = 0; i < 20; i++) Assert.True(cluster.Put($"k{i}", "v").IsOk);
        cluster.Run(2000);
        Assert.Equal(leader, cluster.LeaderOf(0));
        // And what the meta group wrote meanwhile, if it is led here, too.
        Assert.InRange(Lag(cluster, leader, away), 20, 80);
        Assert.Equal(0, Lag(cluster, leader, near));
        cluster.Start(away);
        cluster.RunUntil(() => cluster.LeaderOf(0) >= 0 && Lag(cluster, cluster.LeaderOf(0), away) == 0, "it has caught up");
    }

    // Who begins to lead knows nothing of a peer that is gone: that is not the whole log.
    [Fact]
    public void A_new_leader_does_not_take_what_it_does_not_know_for_the_whole_log()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        for (int i = 0; i < 300; i++) Assert.True(cluster.Put($"k{i}", "v").IsOk);
        cluster.Run(2000);
        int leader = cluster.LeaderOf(0), away = (leader + 1) % 3, next = (leader + 2) % 3;
        cluster.Crash(away, 3);
        cluster.Run(2000);
        Assert.Null(cluster.Await(
            cluster.Nodes[leader]!.TransferShardAsync(new ShardId(0), $"n{next + 1}", cluster.Context(5000)).AsTask()).Error);
        cluster.RunUntil(() => cluster.LeaderOf(0) == next, "the next one leads");
        for (int i = 0; i < 20; i++) Assert.True(cluster.Put($"k{i}", "v").IsOk);
        cluster.Run(2000);
        Assert.InRange(Lag(cluster, next, away), 20, 120);

        // When it answers, what it really lacks is known.
        cluster.Start(away);
        cluster.RunUntil(() => cluster.LeaderOf(0) >= 0 && Lag(cluster, cluster.LeaderOf(0), away) == 0, "it has caught up");
        Assert.Equal(cluster.Status(cluster.LeaderOf(0), 0).Last, cluster.Status(away, 0).Last);
    }

    [Fact]
    public void A_change_of_members_is_told_when_it_begins_and_when_the_new_ones_have_the_say()
    {
        var events = new RecordingEventSink();
        var cluster = new SteppedCluster(shards: 1, configure: o => o with { Events = events });
        cluster.AwaitLeaders();
        cluster.Run(500);
        events.Clear();
        int leader = cluster.LeaderOf(0);
        NodeInspection before = cluster.Nodes[leader]!.Inspect(new ShardId(0));
        int[] staying = [leader, (leader + 1) % 3];
        Assert.Null(cluster.Await(cluster.Nodes[leader]!.Log.ChangeMembersAsync(
            new ShardId(0),
            new LogIndex(before.ConfigurationIndex),
            [.. staying.Select(i => new Machine.ConfigurationMember(
                new ReplicaId((ulong)i + 1), cluster.Numbers[i], Machine.MemberRole.Voter))],
            long.MaxValue).AsTask()));
        cluster.Run(1000);
        ShardPlanned planned = Assert.Single(events.OfType<ShardPlanned>());
        Assert.Equal((new ShardId(0), 2, 0), (planned.Shard, planned.Voters, planned.Learners));
        ShardCutOver over = Assert.Single(events.OfType<ShardCutOver>());
        Assert.Equal((new ShardId(0), 2, 0), (over.Shard, over.Voters, over.Learners));
        Assert.Equal((planned.Term, "Shard", "Plan", "Cutover"), (over.Term, over.Family, planned.Kind, over.Kind));
    }

    private static long Lag(SteppedCluster cluster, int leader, int node) =>
        cluster.Nodes[leader]!.Log.Workers.Sum(w => w.LagOf(cluster.Numbers[node]));
}
