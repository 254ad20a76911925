using NoriKV.Node.Peers;
using NoriKV.Node.Tests.Replication;
using NoriKV.Node.Tracing;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Tracing;

/// <summary>Where writes went: three nodes without threads, whose disks stand still as long as the test says.</summary>
public sealed class WriteTraceTests
{
    [Fact]
    public void Where_a_peer_confirms_last_the_path_leads_over_that_peer_and_the_own_disk_stands_beside_it()
    {
        (SteppedCluster cluster, int leader) = Start();
        int near = (leader + 1) % 3, far = (leader + 2) % 3;
        Freeze(cluster, leader, near, far);
        (Task<KvResult<PutResult>> put, RequestProbe probe) = Put(cluster, leader);
        cluster.Run(10);
        cluster.Frozen.Remove((far, "log"));
        cluster.Run(10);
        cluster.Frozen.Remove((near, "log"));
        Assert.True(cluster.Await(put).IsOk);
        RequestTrace trace = Ended(probe, "ok");
        // The entry was confirmed by the far node 10 ms behind its place in the log, by the near one 20 ms: that was the second copy.
        TraceStage peer = Assert.Single(trace.Stages, static s => s.Name == StageNames.Peer);
        Assert.Equal((Name(near), Name(leader)), (peer.Detail, peer.Node));
        Assert.Equal(20, peer.Length.TotalMilliseconds);
        TraceStage other = Assert.Single(trace.Beside, static s => s.Name == StageNames.Peer);
        Assert.Equal((Name(far), false), (other.Detail, other.IsOpen));
        Assert.True(Assert.Single(trace.Beside, static s => s.Name == StageNames.Fsync).IsOpen, "the own disk still stands");
        cluster.Frozen.Clear();
        cluster.Run(100);
    }

    [Fact]
    public void Where_the_own_disk_confirms_last_the_path_leads_over_it()
    {
        (SteppedCluster cluster, int leader) = Start();
        int near = (leader + 1) % 3, far = (leader + 2) % 3;
        Freeze(cluster, leader, near);
        (Task<KvResult<PutResult>> put, RequestProbe probe) = Put(cluster, leader);
        cluster.Run(30);
        cluster.Frozen.Remove((leader, "log"));
        Assert.True(cluster.Await(put).IsOk);
        RequestTrace trace = Ended(probe, "ok");
        Assert.Equal(30, Assert.Single(trace.Stages, static s => s.Name == StageNames.LogWait).Length.TotalMilliseconds);
        Assert.DoesNotContain(trace.Stages, static s => s.Name == StageNames.Peer);
        Assert.Equal(
            [(Name(near), true), (Name(far), false)],
            trace.Beside.Where(static s => s.Name == StageNames.Peer).Select(static s => (s.Detail, s.IsOpen)).OrderByDescending(
                s => s.Detail == Name(near)));
        cluster.Frozen.Clear();
        cluster.Run(100);
    }

    [Fact]
    public void A_forwarded_write_tells_the_stages_of_the_node_that_led()
    {
        (SteppedCluster cluster, int leader) = Start();
        int asked = (leader + 1) % 3, other = (leader + 2) % 3;
        Freeze(cluster, asked, other);
        (Task<KvResult<PutResult>> put, RequestProbe probe) = Put(cluster, asked);
        cluster.Run(20);
        cluster.Frozen.Clear();
        Assert.True(cluster.Await(put).IsOk);
        RequestTrace trace = Ended(probe, "ok");
        Assert.Equal((Name(asked), Name(leader), 1), (trace.Node, trace.ServedBy, trace.Forwards));
        TraceStage peer = Assert.Single(trace.Stages, static s => s.Name == StageNames.Peer);
        Assert.Equal(Name(leader), peer.Node);
        Assert.Equal(20, peer.Length.TotalMilliseconds);
    }

    [Fact]
    public void A_node_of_an_earlier_version_is_asked_again_without_the_trace()
    {
        (SteppedCluster cluster, int leader) = Start();
        cluster.Nodes[leader]!.Calls.Handle(
            PeerMethod.TracedWrite, static _ => ValueTask.FromResult(PeerReply.Refuse("method 5 is unknown here")));
        cluster.Nodes[leader]!.Calls.Handle(
            PeerMethod.TracedRead, static _ => ValueTask.FromResult(PeerReply.Refuse("method 6 is unknown here")));
        int asked = (leader + 1) % 3;
        (Task<KvResult<PutResult>> put, RequestProbe probe) = Put(cluster, asked);
        Assert.True(cluster.Await(put).IsOk);
        RequestTrace trace = Ended(probe, "ok");
        Assert.Equal((Name(leader), 1), (trace.ServedBy, trace.Forwards));
        Assert.Equal("v", cluster.Read(asked, "k", Consistency.Lease));
    }

    [Fact]
    public void A_write_that_finds_no_majority_says_how_far_it_came()
    {
        (SteppedCluster cluster, int leader) = Start();
        Freeze(cluster, (leader + 1) % 3, (leader + 2) % 3);
        (Task<KvResult<PutResult>> put, RequestProbe probe) = Put(cluster, leader, ms: 300);
        KvResult<PutResult> failed = cluster.Await(put);
        Assert.Equal(KvCode.CommitTimeout, failed.Error?.Code);
        RequestTrace trace = Ended(probe, "commit_timeout", failed.Error);
        TraceStage stage = Assert.Single(trace.Stages, static s => s.Name == StageNames.Replicate);
        Assert.Equal("not committed", stage.Detail);
        Assert.True(stage.Length >= TimeSpan.FromMilliseconds(200), $"{stage.Length}");
        cluster.Frozen.Clear();
    }

    // Whatever stood still, and wherever it was asked: the stages follow each other without gaps and are the whole.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Stages_follow_each_other_without_gaps_and_sum_to_the_whole(ulong seed)
    {
        var random = new Nori.Core.Prng(seed);
        var cluster = new SteppedCluster(shards: 2, seed: seed);
        cluster.AwaitLeaders();
        string[] steps = ["log", "raft-0", "apply-0", "calls"];
        for (int i = 0; i < 40; i++)
        {
            for (int n = 0; n < 3; n++) cluster.Frozen.Add((n, steps[random.NextInt(0, steps.Length)]));
            var probe = new RequestProbe(cluster.Time, cluster.Time.GetTimestamp());
            bool reads = random.NextInt(0, 3) == 0;
            int asked = random.NextInt(0, 3);
            RequestContext context = cluster.Context(5000) with { Probe = probe };
            Task call = reads
                ? cluster.Nodes[asked]!.GetAsync(Bytes($"k{i % 7}"), ReadOptions.Default, context).AsTask()
                : cluster.Nodes[asked]!.PutAsync(Bytes($"k{i % 7}"), Bytes("v"), new PutOptions(), context).AsTask();
            for (int n = 0; n < 6; n++)
            {
                cluster.Run(10);
                cluster.Frozen.RemoveWhere(_ => random.NextInt(0, 2) == 0);
            }

            cluster.Frozen.Clear();
            cluster.RunUntil(() => call.IsCompleted, $"call {i} of seed {seed} is answered");
            Ended(probe, null);
        }
    }

    private static (SteppedCluster Cluster, int Leader) Start()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        cluster.Run(300);
        return (cluster, cluster.LeaderOf(0));
    }

    private static void Freeze(SteppedCluster cluster, params int[] disks)
    {
        foreach (int disk in disks) cluster.Frozen.Add((disk, "log"));
    }

    private static (Task<KvResult<PutResult>> Put, RequestProbe Probe) Put(SteppedCluster cluster, int asked, long ms = 5000)
    {
        var probe = new RequestProbe(cluster.Time, cluster.Time.GetTimestamp());
        Task<KvResult<PutResult>> put = cluster.Nodes[asked]!.PutAsync(
            Bytes("k"), Bytes("v"), new PutOptions(), cluster.Context(ms) with { Probe = probe }).AsTask();
        cluster.Run(10);
        return (put, probe);
    }

    private static RequestTrace Ended(RequestProbe probe, string? status, KvError? error = null)
    {
        if (error is not null) probe.Status = error.Code.ToLabel();
        RequestTrace trace = probe.End();
        if (status is not null) Assert.Equal(status, trace.Status);
        TimeSpan at = TimeSpan.Zero;
        foreach (TraceStage stage in trace.Stages)
        {
            Assert.Equal(at, stage.Start);
            Assert.True(stage.Length >= TimeSpan.Zero, $"{stage}");
            at += stage.Length;
        }

        Assert.Equal(trace.Total, at);
        Assert.All(trace.Beside, s => Assert.True(s.Start >= TimeSpan.Zero, $"{s}"));
        return trace;
    }

    private static string Name(int node) => $"n{node + 1}";
}
