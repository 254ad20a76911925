using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Tests.MetaGroup;

/// <summary>A cluster that becomes larger and smaller while it runs.</summary>
public sealed class GrowthTests
{
    [Fact]
    public void A_node_alone_writes_the_registry()
    {
        var cluster = new GrowingCluster();
        ClusterStatus status = cluster.Status;
        Assert.Equal(1, status.EffectiveReplicationFactor);
        Assert.Equal("n1", Assert.Single(status.Nodes).Node.Name);
        Assert.Equal(8, status.Nodes[0].Replicas);
        Assert.Equal(9, status.Shards.Count);
    }

    // Its record is written when it is found elsewhere than before, or is what it was founded with.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_node_alone_shows_members_whether_or_not_it_has_a_record_of_its_own(bool hasRecord)
    {
        var cluster = new GrowingCluster();
        if (hasRecord) cluster.KeepRecordOfFirst();
        ulong before = cluster.Nodes[1].View.Epoch;
        cluster.Crash(1);
        cluster.Start(1);
        cluster.RunUntil(() => cluster.Status.ViewEpoch > 0, "it has issued a view");
        NoriNode node = cluster.Nodes[1];
        Assert.True(node.View.Epoch > before, $"a later life shows a later view: {node.View.Epoch} behind {before}");

        ulong shown = node.View.Epoch;
        node.SetMembers([new Member(new NodeNumber(1), "n1", "n1:7447", true), new Member(new NodeNumber(1), "x2", "x2:7447", true)]);
        Assert.Equal(["n1", "x2"], node.View.Nodes.Select(static n => n.Id));
        Assert.True(node.View.Epoch > shown);
    }

    [Fact]
    public void One_node_becomes_three_and_every_shard_has_three_voters()
    {
        var cluster = new GrowingCluster();
        for (int i = 0; i < 40; i++) cluster.Put($"k{i}", $"v{i}");
        cluster.Join(2);
        cluster.RunUntil(
            () => cluster.Leader(cluster.Meta)?.Configuration is { IsJoint: false, Voters.Count: 1, Members.Count: 2 },
            "the second node has a copy of the registry");
        cluster.Join(3, seed: 2);
        cluster.AwaitLevel(3);
        Assert.All(cluster.Nodes.Keys, n => Assert.Equal(8, cluster.ReplicasOn(n)));
        cluster.RunUntil(
            () => cluster.Leader(cluster.Meta)?.Configuration is { IsJoint: false, Voters.Count: 3 }, "the meta group has three voters");
        Assert.Equal(3, cluster.Status.EffectiveReplicationFactor);

        // The first node is one among three now.
        cluster.Crash(1);
        cluster.RunUntil(() => Enumerable.Range(0, 8).All(s => cluster.Leader(new ShardId((uint)s)) is not null), "leaders");
        for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
        cluster.Put("after", "x");
        cluster.Start(1);
        cluster.Run(5000);
        Assert.Equal("x", cluster.Read("after"));
        cluster.RunUntil(() => cluster.Nodes[1].View.Nodes.Count == 3, "the first node shows all three");
    }

    // Its first heartbeat may come in the middle of a round, which has looked at the factor and has not planned yet. Rounds of a cluster
    // at rest are half a second apart: one of these moments is in one.
    [Fact]
    public void A_third_node_gets_no_copy_from_another_before_the_factor_rises()
    {
        var moments = Enumerable.Range(0, 50).Select(static i => i * 10);
        // Nine groups: those that founded the cluster have ids up to 8 each, and two more replicas of each are given the next ones.
        const ulong fewest = (9 * 8) + (9 * 2);
        Assert.All(moments, ms => Assert.Equal((ms, fewest), (ms, LastReplica(ms))));

        static ulong LastReplica(int ms)
        {
            var cluster = new GrowingCluster();
            cluster.Join(2);
            cluster.RunUntil(
                () => cluster.Leader(cluster.Meta)?.Configuration.Members.Count == 2 && cluster.ReplicasOn(2) == 8,
                "the second has copies");
            byte[]? heartbeat = null;
            cluster.Network.Loses = static (from, _) => from.Value == 3;
            cluster.Network.Sent = (from, to, channel, frame) =>
            {
                if ((from.Value, to.Value, channel) == (3, 1, PeerChannel.Control)) heartbeat = frame.ToArray();
            };
            cluster.Join(3);
            cluster.RunUntil(() => heartbeat is not null, "the third says that it is there");
            cluster.Run(1000 + ms);
            cluster.Network.Heal();
            cluster.Network.Inject(new NodeNumber(3), new NodeNumber(1), PeerChannel.Control, heartbeat!);
            cluster.AwaitLevel(3);
            cluster.RunUntil(
                () => cluster.Leader(cluster.Meta)?.Configuration is { IsJoint: false, Voters.Count: 3 },
                "the meta group has three voters");
            return Enumerable.Range(0, 9)
                .Max(s => cluster.Leader(new ShardId((uint)s))!.Configuration.Members.Max(static m => m.Value));
        }
    }

    [Fact]
    public void Three_nodes_become_five_and_a_drained_one_leaves()
    {
        GrowingCluster cluster = GrowingCluster.Of(3, configure: static o => o with { ReplicationFactor = 5 });
        for (int i = 0; i < 40; i++) cluster.Put($"k{i}", $"v{i}");
        for (int node = 4; node <= 5; node++) cluster.Join(node);
        cluster.AwaitLevel(5);
        cluster.RunUntil(() => cluster.Leader(cluster.Meta)?.Configuration.Voters.Count == 5, "the meta group has five voters");

        KvError refused = cluster.TryAsk(n => n.Admin.DrainAsync("n1", null, cluster.Context(3000))).Error!;
        Assert.Equal(KvCode.FailedPrecondition, refused.Code);
        cluster.Ask(n => n.Admin.DrainAsync("n1", 3, cluster.Context(3000)));
        cluster.RunUntil(() => cluster.ReplicasOn(1) == 0 && cluster.Nodes[1].Log.Group(cluster.Meta) is null, "n1 is empty");
        cluster.Ask(n => n.Admin.DecommissionAsync("n1", cluster.Context(3000)));
        cluster.Crash(1);
        cluster.AwaitLevel(3);
        for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
        Assert.Equal(4, cluster.Status.Nodes.Count(static n => n.Node.IsMember));
        cluster.RunUntil(() => cluster.Nodes.Keys.All(n => cluster.ReplicasOn(n) == 6), "all hold the same number");
        // The name is free; the number is never given again.
        Assert.Equal(6UL, cluster.TryJoin(1, seed: 2).Number.Value);
    }

    // Two nodes have one vote of a shard: it goes with the first that leaves, and the other's copies with the second.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Three_nodes_become_one_again_whichever_stays_and_three_once_more(int last)
    {
        GrowingCluster cluster = GrowingCluster.Of(3);
        for (int i = 0; i < 40; i++) cluster.Put($"k{i}", $"v{i}");
        Leave(cluster, last == 3 ? 1 : 3, factor: 1);
        cluster.AwaitLevel(1);
        Leave(cluster, 2, factor: null);
        cluster.AwaitLevel(1);
        Assert.Equal(8, cluster.ReplicasOn(last));
        Assert.Single(cluster.Status.Nodes, static n => n.Node.IsMember);
        KvError alone = cluster.TryAsk(n => n.Admin.DrainAsync($"n{last}", null, cluster.Context(3000))).Error!;
        Assert.Contains("is the last one", alone.Message, StringComparison.Ordinal);

        // Nobody has to be there for it to start.
        cluster.Crash(last);
        cluster.Start(last);
        for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
        cluster.Put("after", "x");
        for (int node = 4; node <= 5; node++) cluster.Join(node, seed: last);
        cluster.AwaitLevel(3);
        Assert.Equal("x", cluster.Read("after"));
    }

    // The drain is on record, and its moves are begun by a leader that was elected a moment ago: it has heard of nobody yet.
    [Fact]
    public void A_new_meta_leader_leaves_no_votes_to_whom_its_predecessor_knew_to_be_silent()
    {
        bool stays = false;
        var cluster = new GrowingCluster(configure: o => o with
        {
            Placement = o.Placement with { MovesReplicas = !(stays && o.NodeName == "n1"), MovesPerNode = 64 },
        });
        for (int node = 2; node <= 3; node++) cluster.Join(node);
        cluster.AwaitLevel(3);
        stays = true;
        cluster.Crash(1);
        cluster.Start(1);
        cluster.AwaitLevel(3);
        LeadMeta(cluster, 1);
        cluster.Crash(3);
        cluster.RunUntil(() => !cluster.Status.Nodes[2].IsLive, "n3 is silent");
        cluster.Ask(n => n.Admin.DrainAsync("n2", 1, cluster.Context(3000)));
        cluster.Run(2000);
        LeadMeta(cluster, 2);
        cluster.RunUntil(() => cluster.ReplicasOn(2) == 0, "n2 is empty");
        IEnumerable<PlannedReplica> voters =
            cluster.Nodes[1].Table.Current.Shards.Take(8).SelectMany(static s => s.Where(static r => !r.IsLearner));
        Assert.Equal(Enumerable.Repeat(1UL, 8), voters.Select(static r => r.Node.Value));
        cluster.Put("after", "x");
    }

    private static void LeadMeta(GrowingCluster cluster, int node) => cluster.RunUntil(
        () =>
        {
            if (cluster.Nodes[node].Log.Group(cluster.Meta)?.Core.Role == Nori.Raft.Core.RaftRole.Leader) return true;
            if (cluster.Leader(cluster.Meta) is not null)
            {
                _ = cluster.Await(cluster.LeaderNode(cluster.Meta).Log.TransferAsync(
                    cluster.Meta, new NodeNumber((ulong)node), cluster.Context(3000).Deadline).AsTask());
            }

            return false;
        },
        $"n{node} leads the meta group");

    [Fact]
    public void A_drain_that_lowered_the_factor_and_is_taken_back_leaves_it_as_it_was()
    {
        GrowingCluster cluster = GrowingCluster.Of(3);
        cluster.Ask(n => n.Admin.DrainAsync("n3", 1, cluster.Context(3000)));
        cluster.RunUntil(() => cluster.ReplicasOn(3) == 0, "n3 is empty");
        Assert.Equal((3, 1), (cluster.Status.ReplicationFactor, cluster.Status.EffectiveReplicationFactor));
        cluster.Ask(n => n.Admin.UndrainAsync("n3", cluster.Context(3000)));
        cluster.AwaitLevel(3);
    }

    // Two of three nodes can hold one vote of a shard, and one of the two is silent: half of the shards were left to it.
    [Theory]
    [InlineData(6_000)]
    [InlineData(40_000)]
    public void No_shard_is_left_to_a_node_that_is_silent(int silentMs)
    {
        GrowingCluster cluster = GrowingCluster.Of(3);
        cluster.RunUntil(() => cluster.Leader(cluster.Meta)?.Configuration.Voters.Count == 3, "the registry has three voters");
        for (int i = 0; i < 40; i++) cluster.Put($"k{i}", $"v{i}");
        cluster.Crash(3);
        cluster.Run(silentMs);
        Leave(cluster, 2, factor: 1);
        for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
        cluster.Put("after", "x");

        // It comes back to copies without a vote, and is one of three again with the next one.
        cluster.Start(3);
        cluster.RunUntil(() => cluster.ReplicasOn(3) == 8, "n3 has a copy of everything");
        cluster.Join(4);
        cluster.AwaitLevel(3);
        Assert.Equal("x", cluster.Read("after"));
    }

    // What the drained one had was to go to all the others alike, the silent one too: it waited for that one for ten minutes.
    [Fact]
    public void A_drain_does_not_wait_for_a_node_that_is_silent()
    {
        GrowingCluster cluster = GrowingCluster.Of(5);
        cluster.RunUntil(() => cluster.Leader(cluster.Meta)?.Configuration.Voters.Count == 5, "the registry has five voters");
        for (int i = 0; i < 40; i++) cluster.Put($"k{i}", $"v{i}");
        cluster.Crash(5);
        cluster.Run(6000);
        Leave(cluster, 4, factor: null);
        for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
        cluster.Start(5);
        cluster.AwaitLevel(3);
        cluster.RunUntil(() => cluster.Nodes.Keys.All(n => cluster.ReplicasOn(n) == 6), "it has its share again");
    }

    [Fact]
    public void A_node_that_stays_dead_is_replaced_by_those_that_live_and_finds_nothing_left_when_it_returns()
    {
        GrowingCluster cluster = GrowingCluster.Of(4, configure: static o => o with
        {
            Placement = new PlacementOptions { DeadAfter = TimeSpan.FromSeconds(20) },
        });
        for (int i = 0; i < 40; i++) cluster.Put($"k{i}", $"v{i}");
        cluster.Run(3000);
        cluster.Crash(2);
        cluster.Run(15_000);
        Assert.All(cluster.Status.Shards, static s => Assert.Null(s.Move));
        Assert.Equal(18, cluster.Nodes.Keys.Sum(cluster.ReplicasOn));
        cluster.RunUntil(
            () => cluster.Nodes.Keys.Sum(cluster.ReplicasOn) == 24 && cluster.Status.MovesWanted == 0, "its replicas are elsewhere");
        for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
        cluster.Start(2);
        cluster.AwaitLevel(3);
        cluster.RunUntil(() => cluster.Nodes.Keys.All(n => cluster.ReplicasOn(n) == 6), "it got its share again");
    }

    [Fact]
    public void A_name_belongs_to_one_store_until_its_node_is_replaced()
    {
        GrowingCluster cluster = GrowingCluster.Of(3);
        JoinReply again = cluster.TryJoin(3, seed: 2);
        Assert.Equal(3UL, again.Number.Value);
        JoinReply taken = cluster.TryJoin(9, seed: 2, name: "n3");
        Assert.Contains("norikv cluster replace n3", taken.Refusal!, StringComparison.Ordinal);
        Assert.False(taken.MayRetry);

        KvError early = cluster.TryAsk(n => n.Admin.ReplaceAsync("n3", cluster.Context(3000))).Error!;
        Assert.Contains("Node n3 is there", early.Message, StringComparison.Ordinal);
        cluster.Crash(3);
        cluster.Run(6000);
        cluster.Ask(n => n.Admin.ReplaceAsync("n3", cluster.Context(3000)));
        JoinReply fresh = cluster.TryJoin(4, seed: 2, name: "n3");
        Assert.Null(fresh.Refusal);
        Assert.Equal(4UL, fresh.Number.Value);
    }

    // Seed 3 of the simulator's replace: a wish that had waited in a paused process took the new machine for the one that was lost.
    [Fact]
    public void A_wish_to_replace_that_comes_late_does_not_take_the_new_machine_for_the_lost_one()
    {
        GrowingCluster cluster = GrowingCluster.Of(3);
        cluster.Crash(3);
        cluster.Run(6000);
        cluster.Ask(n => n.Admin.ReplaceAsync("n3", cluster.Context(3000)));
        Assert.Equal(4UL, cluster.TryJoin(4, seed: 2, name: "n3").Number.Value);

        // It is registered and has not begun to run.
        KvError late = cluster.TryAsk(n => n.Admin.ReplaceAsync("n3", cluster.Context(3000))).Error!;
        Assert.Contains("Node n3 is there", late.Message, StringComparison.Ordinal);
        // One that never comes can be given up like any other.
        cluster.Run(6000);
        cluster.Ask(n => n.Admin.ReplaceAsync("n3", cluster.Context(3000)));
    }

    // Seed 25 of the simulator's replace (at 046ba38): a leader of the registry that had just been elected did not have its newest
    // entries yet, and refused for good who wanted to join under a name that had been given up. So did one that was deposed.
    [Fact]
    public void A_leader_that_stood_still_says_nothing_of_a_registry_that_went_on()
    {
        GrowingCluster cluster = GrowingCluster.Of(3);
        cluster.RunUntil(() => cluster.Leader(cluster.Meta)?.Configuration.Voters.Count == 3, "the registry has three voters");
        cluster.Run(2000);
        int old = (int)cluster.LeaderNode(cluster.Meta).Number.Value;
        NoriNode still = cluster.Nodes[old];
        cluster.Nodes.Remove(old);
        cluster.RunUntil(() => cluster.Leader(cluster.Meta) is not null, "another one leads the registry");
        cluster.Join(4, seed: cluster.Nodes.Keys.First());
        cluster.Nodes.Add(old, still);
        KvResult<ClusterStatus> shown = cluster.TryAsk(n => n.Admin.StatusAsync(cluster.Context(3000)), at: old);
        Assert.Equal(4, shown.Value.Nodes.Count);
        KvResult<ClusterStatus> drained = cluster.TryAsk(n => n.Admin.DrainAsync("n4", null, cluster.Context(3000)), at: old);
        Assert.True(drained.IsOk, drained.Error?.Message);
    }

    [Fact]
    public void Who_does_not_speak_the_version_of_the_cluster_does_not_join()
    {
        var cluster = new GrowingCluster();
        JoinReply refused = cluster.TryJoin(2, protocol: 2);
        Assert.Contains("the cluster is at version 1", refused.Refusal!, StringComparison.Ordinal);
        Assert.False(refused.MayRetry);
        Assert.Null(cluster.TryJoin(2).Refusal);
    }

    [Fact]
    public void Views_rise_over_changes_of_the_meta_leader_and_reach_every_node()
    {
        GrowingCluster cluster = GrowingCluster.Of(3);
        cluster.Run(5000);
        ulong epoch = cluster.Nodes[1].View.Epoch;
        Assert.All(cluster.Nodes.Values, n => Assert.Equal(epoch, n.View.Epoch));
        Assert.All(cluster.Nodes.Values, static n => Assert.All(
            n.View.Shards, static s => Assert.Single(s.Replicas, static r => r.IsLeader)));
        Assert.Equal([3, 3, 2], cluster.Nodes.Values.Select(n => n.View.Shards.Count(
            s => s.Replicas.Any(r => r.IsLeader && r.NodeId == n.NodeId))).OrderDescending());

        int leader = cluster.Nodes.First(n => n.Value == cluster.LeaderNode(cluster.Meta)).Key;
        cluster.Crash(leader);
        cluster.RunUntil(
            () => cluster.Nodes.Values.All(n => n.View.Epoch > epoch && n.View.Nodes.Any(x => x.Role == NodeRole.Unknown)),
            "the loss is in every view");
        Assert.All(cluster.Nodes.Values, n => Assert.True(n.View.Epoch >= epoch + 1));
        cluster.Start(leader);
        cluster.RunUntil(
            () => cluster.Nodes.Values.All(n => n.View.Nodes.All(static x => x.Role != NodeRole.Unknown)), "it is back in every view");
        Assert.Single(cluster.Nodes.Values.Select(static n => n.View.Epoch).Distinct());
    }

    [Fact]
    public void An_operator_moves_a_replica_and_a_leadership_from_any_node()
    {
        GrowingCluster cluster = GrowingCluster.Of(4, configure: static o => o with
        {
            Placement = new PlacementOptions { LevelsLeaders = false },
        });
        cluster.Run(2000);
        IReadOnlyList<PlannedReplica> at = cluster.Nodes[1].Table.ReplicasOf(new ShardId(0));
        int to = Enumerable.Range(1, 4).Single(n => at.All(r => r.Node.Value != (ulong)n));
        int from = (int)at[0].Node.Value;
        cluster.Ask(n => n.Admin.MoveReplicaAsync(new ShardId(0), $"n{from}", $"n{to}", cluster.Context(3000)));
        cluster.RunUntil(() => cluster.Leader(new ShardId(0)) is { } l
            && l.Configuration.Voters.Count == 3 && cluster.Nodes[to].Log.Group(new ShardId(0)) is not null, "it moved");
        cluster.Run(3000);
        cluster.Ask(n => n.Admin.MoveLeaderAsync(
            new ShardId(0), cluster.Nodes[1].Table.Current.Find(cluster.Nodes[1].Table.ReplicasOf(new ShardId(0))[1].Node)!.Name,
            cluster.Context(5000)));
    }

    // Drained, no member any more, and gone.
    private static void Leave(GrowingCluster cluster, int node, int? factor)
    {
        cluster.Ask(n => n.Admin.DrainAsync($"n{node}", factor, cluster.Context(3000)));
        cluster.RunUntil(
            () => cluster.ReplicasOn(node) == 0 && cluster.Nodes[node].Log.Group(cluster.Meta) is null, $"n{node} is empty", 120_000);
        cluster.Ask(n => n.Admin.DecommissionAsync($"n{node}", cluster.Context(3000)));
        cluster.Crash(node);
    }
}
