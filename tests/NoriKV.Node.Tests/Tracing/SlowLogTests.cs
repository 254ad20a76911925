using Nori.Observe;
using NoriKV.Node.Tests.Replication;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Tracing;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Tracing;

public sealed class SlowLogTests
{
    [Fact]
    public void A_slow_write_that_nobody_traced_is_remembered_with_its_stages_on_the_nodes_it_passed()
    {
        var cluster = new SteppedCluster(
            shards: 1, configure: static o => o with { Slow = new SlowLogOptions { Threshold = TimeSpan.FromMilliseconds(25) } });
        cluster.AwaitLeaders();
        cluster.Run(300);
        int leader = cluster.LeaderOf(0), asked = (leader + 1) % 3, other = (leader + 2) % 3;
        Assert.True(cluster.Await(cluster.BeginPut(asked, "k", "fast")).IsOk);
        Assert.All(cluster.Nodes, static n => Assert.Empty(n!.SlowOperations.Since()));

        cluster.Frozen.Add((asked, "log"));
        cluster.Frozen.Add((other, "log"));
        Task<KvResult<PutResult>> put = cluster.BeginPut(asked, "k", "slow");
        cluster.Run(40);
        cluster.Frozen.Clear();
        Assert.True(cluster.Await(put).IsOk);

        RequestTrace served = Assert.Single(cluster.Nodes[leader]!.SlowOperations.Since());
        Assert.Equal(("put", $"n{asked + 1}", $"n{leader + 1}", "ok", 1), (
            served.Operation, served.Node, served.ServedBy, served.Status, served.Sequence));
        Assert.Equal(30, Assert.Single(served.Stages, static s => s.Name == StageNames.Peer).Length.TotalMilliseconds);
        RequestTrace forwarded = Assert.Single(cluster.Nodes[asked]!.SlowOperations.Since());
        Assert.Equal(("put", $"n{leader + 1}", 1), (forwarded.Operation, forwarded.ServedBy, forwarded.Forwards));
        Assert.Contains(forwarded.Stages, s => s.Name == StageNames.Forward && s.Detail == $"n{leader + 1}");
        Assert.All([served, forwarded], static t => Assert.Equal(
            t.Total, t.Stages.Aggregate(TimeSpan.Zero, static (a, s) => a + s.Length)));
    }

    [Fact]
    public void A_slow_read_says_what_it_waited_for()
    {
        var cluster = new SteppedCluster(
            shards: 1, configure: static o => o with { Slow = new SlowLogOptions { Threshold = TimeSpan.FromMilliseconds(25) } });
        cluster.AwaitLeaders();
        cluster.Run(300);
        int leader = cluster.LeaderOf(0);
        // The peers' answers are under way for 30 ms.
        var answers = new List<(NodeNumber From, NodeNumber To, byte[] Frame)>();
        cluster.Network.LosesBytes = static frame => ReadRoundFrame.IsOne(frame.Span) && frame.Span[1] == 2;
        cluster.Network.Sent = (from, to, channel, frame) =>
        {
            if (cluster.Network.LosesBytes(frame)) answers.Add((from, to, frame.ToArray()));
        };
        Task<KvResult<GetResult>> get = cluster.Nodes[leader]!.GetAsync(
            Bytes("k"), ReadOptions.Default, cluster.Context(5000)).AsTask();
        cluster.Run(30);
        cluster.Network.Heal();
        foreach (var (from, to, frame) in answers) cluster.Network.Inject(from, to, PeerChannel.Raft, frame);
        Assert.True(cluster.Await(get).IsOk);
        RequestTrace trace = Assert.Single(cluster.Nodes[leader]!.SlowOperations.Since());
        Assert.Equal("get", trace.Operation);
        TraceStage longest = trace.Stages.MaxBy(static s => s.Length);
        Assert.Equal(StageNames.ReadIndex, longest.Name);
        Assert.Equal(30, longest.Length.TotalMilliseconds);
    }

    [Fact]
    public void The_ring_keeps_the_last_and_the_threshold_changes_at_run_time()
    {
        var time = new ManualTime();
        var log = new SlowLog(new SlowLogOptions { Remembered = 3, Threshold = TimeSpan.Zero }, NullMeter.Instance, time);
        Assert.False(log.IsSlow(0, long.MaxValue - 1));
        log.Threshold = TimeSpan.FromMilliseconds(10);
        long tenMs = time.TimestampFrequency / 100;
        Assert.True(log.IsSlow(5, 5 + tenMs));
        Assert.False(log.IsSlow(5, 4 + tenMs));
        var told = new List<long>();
        log.Noted = t => told.Add(t.Sequence);
        for (int i = 1; i <= 5; i++) log.Note(Trace(i));
        Assert.Equal([3L, 4, 5], log.Since().Select(static t => t.Sequence));
        Assert.Equal([3.0, 4, 5], log.Since().Select(static t => t.Total.TotalMilliseconds));
        Assert.Equal([5L], log.Since(4).Select(static t => t.Sequence));
        Assert.Empty(log.Since(5));
        Assert.Equal(5, log.Last);
        Assert.Equal([1L, 2, 3, 4, 5], told);
        Assert.Throws<ArgumentOutOfRangeException>(() => log.Threshold = TimeSpan.FromSeconds(-1));
    }

    [Fact]
    public void More_than_so_many_a_second_are_counted_only()
    {
        var time = new ManualTime();
        var log = new SlowLog(new SlowLogOptions { PerSecondMax = 2 }, NullMeter.Instance, time);
        Assert.Equal([true, true, false, false], Enumerable.Range(0, 4).Select(_ => log.Count(RequestOperation.Put)));
        time.AdvanceMs(1000);
        Assert.True(log.Count(RequestOperation.Get));
    }

    [Fact]
    public void Options_that_cannot_be_are_refused()
    {
        var options = new SlowLogOptions { Threshold = TimeSpan.FromSeconds(-1), Remembered = 0, PerSecondMax = 0 };
        Assert.Equal(3, options.Validate().Count);
        Assert.Empty(new SlowLogOptions().Validate());
    }

    private static RequestTrace Trace(int ms) => new()
    {
        At = DateTimeOffset.UnixEpoch,
        Operation = "put",
        Node = "n1",
        ServedBy = "n1",
        Status = "ok",
        Total = TimeSpan.FromMilliseconds(ms),
        Stages = [],
    };
}
