using NoriKV.Node.Peers;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Who leads: not a node whose clock is wrong, not one that is behind with applying (protocol.md §2, §5).</summary>
public sealed class FitToLeadTests
{
    private readonly Dictionary<string, SkewedTime> _clocks = [];

    private SteppedCluster NewCluster(int shards, Func<NodeOptions, NodeOptions>? configure = null) => new(
        shards: shards,
        configure: o =>
        {
            var clock = new SkewedTime(o.Time);
            _clocks[o.NodeName] = clock;
            return (configure?.Invoke(o) ?? o) with { Time = clock };
        });

    private SkewedTime Clock(int node) => _clocks[$"n{node + 1}"];

    private static int[] Leaders(SteppedCluster cluster) =>
        [.. Enumerable.Range(0, cluster.Shards).Select(s => cluster.LeaderOf((uint)s)).Distinct().Order()];

    [Theory]
    [InlineData(900, "ahead of")]
    [InlineData(-900, "behind")]
    public void A_leader_whose_clock_is_far_off_gives_up_leadership_and_says_why(long skewMs, string word)
    {
        SteppedCluster cluster = NewCluster(shards: 6);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        Clock(leader).SkewMs = skewMs;
        cluster.RunUntil(
            () => !Leaders(cluster).Contains(leader) && !Leaders(cluster).Contains(-1), "others lead all shards", 10_000);
        NodeHealth health = cluster.Nodes[leader]!.Health;
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains(health.Reasons, r => r.Contains("wall clock", StringComparison.Ordinal)
            && r.Contains(word, StringComparison.Ordinal) && r.Contains("leadership is given up", StringComparison.Ordinal));
        foreach (int other in Enumerable.Range(0, 3).Where(n => n != leader))
            Assert.Equal(HealthStatus.Healthy, cluster.Nodes[other]!.Health.Status);

        // It does not take it back while it is off, and may when it is not.
        cluster.Run(8000);
        Assert.DoesNotContain(leader, Leaders(cluster));
        Clock(leader).SkewMs = 0;
        cluster.RunUntil(() => cluster.Nodes[leader]!.Health.Status == HealthStatus.Healthy, "it is well again", 3000);
        Assert.True(cluster.Put("k", "v").IsOk);
    }

    [Fact]
    public void A_small_difference_of_clocks_moves_nothing()
    {
        SteppedCluster cluster = NewCluster(shards: 4);
        cluster.AwaitLeaders();
        int[] before = [.. Enumerable.Range(0, 4).Select(s => cluster.LeaderOf((uint)s))];
        (Clock(0).SkewMs, Clock(1).SkewMs, Clock(2).SkewMs) = (200, -150, 0);
        cluster.Run(3000);
        Assert.Equal(before, Enumerable.Range(0, 4).Select(s => cluster.LeaderOf((uint)s)));
    }

    [Fact]
    public void Clocks_that_all_disagree_leave_somebody_to_lead()
    {
        SteppedCluster cluster = NewCluster(shards: 4);
        cluster.AwaitLeaders();
        (Clock(0).SkewMs, Clock(1).SkewMs, Clock(2).SkewMs) = (60_000, -60_000, 0);
        cluster.RunUntil(() => Leaders(cluster) is [2], "the one in the middle leads", 10_000);

        // Without it the two that are left cannot say which of them is wrong: each is as good as the other.
        cluster.Crash(2, 1);
        cluster.RunUntil(() => !Leaders(cluster).Contains(-1), "one of the others leads", 20_000);
        Assert.True(cluster.Put("k", "v").IsOk);
    }

    [Fact]
    public void A_replica_that_is_behind_with_applying_is_given_no_leadership()
    {
        SteppedCluster cluster = NewCluster(shards: 1, static o => o with { ApplyBacklogBytesMax = 64 << 10 });
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0), slow = (leader + 1) % 3;
        cluster.Frozen.Add((slow, "apply-0"));
        for (int i = 0; i < 40; i++) Assert.True(cluster.Put($"k{i}", new string('v', 1000)).IsOk);
        cluster.Run(500);
        KvResult<ShardView> refused = cluster.Await(
            cluster.Nodes[leader]!.TransferShardAsync(new ShardId(0), $"n{slow + 1}", cluster.Context(5000)).AsTask());
        Assert.Equal(KvCode.FailedPrecondition, refused.Error?.Code);
        Assert.Contains("committed and not applied", refused.Error!.Message, StringComparison.Ordinal);

        // A node that is stopped hands over to the other one.
        cluster.Stop(leader);
        cluster.RunUntil(() => cluster.LeaderOf(0) >= 0, "another one leads");
        Assert.NotEqual(slow, cluster.LeaderOf(0));
    }

    [Fact]
    public void Admission_shrinks_while_a_majority_is_behind_and_not_for_one()
    {
        var admission = new Admission(160, 16_000, lagMax: 1000);
        foreach ((long lag, int shares) in new[] { (0L, 16), (500L, 16), (750L, 8), (1000L, 1), (9999L, 1), (400L, 16) })
        {
            admission.NoteLag(lag);
            Assert.Equal(shares, admission.Shares);
        }

        admission.NoteLag(750);
        for (int i = 0; i < 80; i++) Assert.Null(admission.TryEnter(10));
        KvError? refused = admission.TryEnter(10);
        Assert.Equal(KvCode.Overloaded, refused?.Code);
        Assert.Contains("applying is behind", refused!.Message, StringComparison.Ordinal);
        admission.NoteLag(0);
        for (int i = 80; i < 160; i++) Assert.Null(admission.TryEnter(10));
        Assert.NotNull(admission.TryEnter(10));

        var time = new ManualTime();
        var liveness = new NodeLiveness([new NodeNumber(2), new NodeNumber(3)], TimeSpan.FromSeconds(1), time);
        Hear(2, lag: 5000);
        Hear(3, lag: 10);
        Assert.Equal(10, liveness.MajorityLag(own: 0));
        Hear(3, lag: 4000);
        Assert.Equal(4000, liveness.MajorityLag(own: 0));

        void Hear(ulong node, ulong lag) =>
            liveness.Heard(new PeerBatch(new NodeNumber(node), new NodeNumber(1), 1, true, lag, time.UnixMs, 0));
    }

    [Fact]
    public void The_lead_of_a_clock_is_measured_by_the_fastest_frames()
    {
        var time = new ManualTime();
        var liveness = new NodeLiveness([new NodeNumber(2), new NodeNumber(3)], TimeSpan.FromSeconds(10), time);
        // Ways of 0 to 900 ms: the clock of 2 is right, that of 3 is 700 ms behind.
        for (int i = 0; i < 8; i++)
        {
            Hear(2, time.UnixMs - (i % 4 * 300));
            Hear(3, time.UnixMs - 700 - (i % 3 * 100));
        }

        Assert.Equal(0, liveness.ClockLead());
        for (int i = 0; i < 8; i++) Hear(2, time.UnixMs - 800);
        Assert.Equal(700, liveness.ClockLead());

        // Of two that are left nobody can say who is wrong.
        time.AdvanceMs(9_990);
        Hear(2, time.UnixMs - 800);
        time.AdvanceMs(20);
        liveness.TakeNotes();
        Assert.Equal(0, liveness.ClockLead());

        void Hear(ulong node, long unixMs) =>
            liveness.Heard(new PeerBatch(new NodeNumber(node), new NodeNumber(1), 1, true, 0, unixMs, 0));
    }

    [Fact]
    public void A_group_keeps_no_more_bytes_for_a_peer_than_it_may()
    {
        SteppedCluster cluster = NewCluster(shards: 1, static o => o with
        {
            LogRetainedBytesMax = 64 << 10, LogSegmentBytes = 32 << 10, MemtableBytes = 32 << 10,
        });
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0), gone = (leader + 1) % 3;
        cluster.Crash(gone, 1);
        for (int i = 0; i < 200; i++) Assert.True(cluster.Put($"k{i}", new string('v', 1000)).IsOk);
        cluster.Run(3000);
        leader = cluster.LeaderOf(0);
        RaftGroup group = cluster.Nodes[leader]!.Log.Group(new ShardId(0))!;
        ulong kept = group.Core.LastIndex.Value - group.Core.BaseIndex.Value;
        Assert.True(kept is > 30 and < 100, $"{kept} entries of 1 KiB kept");

        // Who comes back gets what is gone as a snapshot.
        cluster.Start(gone);
        cluster.RunUntil(() => cluster.Status(gone, 0).Applied == cluster.Status(leader, 0).Applied, "it caught up", 30_000);
        ClusterReplicationTests.AssertEqualReplicas(cluster);
    }
}
