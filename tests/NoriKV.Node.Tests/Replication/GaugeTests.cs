using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Gauges that alerts ask for say what is, and 0 when it is over.</summary>
public sealed class GaugeTests
{
    [Fact]
    public void What_waits_for_a_thread_is_counted_by_stage_and_the_oldest_wait_for_a_sync_is_told_in_seconds()
    {
        var gauges = new GaugeMeter();
        SteppedNode lone = SteppedNode.Start(new MemoryFileSystem(1), configure: o => o with { Meter = gauges });
        lone.RunUntilIdle();
        Assert.Equal((0, 0, 0), (gauges["node_queued_items{raft}"], gauges["node_queued_items{log}"], gauges["node_log_stall_seconds"]));

        Task<KvResult<PutResult>> put = lone.Node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), Context).AsTask();
        Assert.Equal(1, gauges["node_queued_items{raft}"]);
        StepAllBut("log", lone.Node);
        Assert.Equal((0, 1), (gauges["node_queued_items{raft}"], gauges["node_queued_items{log}"]));
        lone.Time.AdvanceMs(700);
        StepAllBut("log", lone.Node);
        Assert.InRange(gauges["node_log_stall_seconds"], 0.7, 0.71);

        lone.RunUntilIdle();
        Assert.True(Answer(put).IsOk);
        Assert.Equal((0, 0, 0), (gauges["node_queued_items{raft}"], gauges["node_queued_items{log}"], gauges["node_log_stall_seconds"]));
    }

    [Fact]
    public void The_lag_of_a_peer_is_its_own_series()
    {
        var gauges = new Dictionary<string, GaugeMeter>();
        var cluster = new SteppedCluster(shards: 1, configure: o => o with { Meter = gauges[o.NodeName] = new GaugeMeter() });
        cluster.AwaitLeaders();
        cluster.Run(2000);
        int leader = cluster.LeaderOf(0), away = (leader + 1) % 3, near = (leader + 2) % 3;
        double Lag(int peer) => gauges[$"n{leader + 1}"][$"raft_follower_lag_entries{{{peer + 1}}}"];
        Assert.Equal((0, 0), (Lag(away), Lag(near)));
        cluster.Crash(away, 3);
        for (int i = 0; i < 20; i++) Assert.True(cluster.Put($"k{i}", "v").IsOk);
        cluster.Run(2000);
        Assert.Equal(leader, cluster.LeaderOf(0));
        // And what the meta group wrote meanwhile, if it is led here, too.
        Assert.InRange(Lag(away), 20, 80);
        Assert.Equal(0, Lag(near));
    }

    [Fact]
    public void Changes_of_leader_are_those_of_the_group_that_had_most()
    {
        var gauges = new Dictionary<string, GaugeMeter>();
        var cluster = new SteppedCluster(shards: 2, configure: o => o with { Meter = gauges[o.NodeName] = new GaugeMeter() });
        cluster.AwaitLeaders();
        cluster.Run(1000);
        double before = gauges["n1"]["raft_leader_changes_worst_group"];
        for (int i = 0; i < 4; i++)
        {
            int from = cluster.LeaderOf(0), to = (from + 1) % 3;
            Assert.Null(cluster.Await(
                cluster.Nodes[from]!.TransferShardAsync(new ShardId(0), $"n{to + 1}", cluster.Context(5000)).AsTask()).Error);
            cluster.RunUntil(() => cluster.LeaderOf(0) == to, "the next one leads");
        }

        Assert.InRange(gauges["n1"]["raft_leader_changes_worst_group"], Math.Max(before, 4), before + 4);
    }

    private static void StepAllBut(string name, NoriNode node)
    {
        for (bool worked = true; worked;)
        {
            worked = false;
            foreach (NodeStep step in node.Steps)
            {
                if (step.Name != name) worked |= step.RunOnce();
            }
        }
    }
}
