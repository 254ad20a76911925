using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Ready means: can serve now. What a disk that stands still does to that, and to what is measured.</summary>
public sealed class ReadinessTests
{
    [Fact]
    public void A_lone_node_whose_disk_stands_still_is_not_ready_and_says_so()
    {
        var gauges = new GaugeMeter();
        SteppedNode lone = SteppedNode.Start(new MemoryFileSystem(1), configure: o => o with { Meter = gauges });
        NoriNode node = lone.Node;
        Assert.True(lone.Put("k", "v").IsOk);
        lone.RunUntilIdle();
        Assert.Equal((null, 1, 1), (node.CannotServeReason, gauges["node_disk_well"], gauges["node_ready"]));

        Task<KvResult<PutResult>> put = node.PutAsync(Bytes("k"), Bytes("w"), new PutOptions(), Context).AsTask();
        StepWithoutDisk(node);
        lone.Time.AdvanceMs(1000);
        StepWithoutDisk(node);
        Assert.Equal(0, gauges["node_disk_well"]);
        Assert.Contains("The disk does not answer in time", node.Health.Reasons);
        lone.Time.AdvanceMs(1500);
        Assert.Equal("The disk does not answer: no write can be done", node.CannotServeReason);
        Assert.Equal((null, 0), (node.NotReadyReason, gauges["node_ready"]));

        lone.RunUntilIdle();
        Assert.True(Answer(put).IsOk);
        Assert.Equal((null, 1, 1), (node.CannotServeReason, gauges["node_disk_well"], gauges["node_ready"]));
    }

    [Fact]
    public void Of_three_nodes_one_disk_that_stands_still_leaves_all_ready_and_two_leave_none()
    {
        var gauges = new Dictionary<string, GaugeMeter>();
        var cluster = new SteppedCluster(shards: 6, configure: o => o with { Meter = gauges[o.NodeName] = new GaugeMeter() });
        cluster.AwaitLeaders();
        cluster.Run(1000);
        int first = cluster.LeaderOf(0), second = (first + 1) % 3;
        cluster.Frozen.Add((first, "log"));
        cluster.RunUntil(
            () => Enumerable.Range(0, 6).All(s => Enumerable.Range(0, 3).Any(n => n != first && cluster.Status(n, (uint)s).IsLeader)),
            "others lead", 20_000);
        cluster.Run(4000);
        Assert.All(cluster.Nodes.Where((_, i) => i != first), static n => Assert.Null(n!.CannotServeReason));
        Assert.Equal(0, gauges[$"n{first + 1}"]["node_disk_well"]);

        cluster.Frozen.Add((second, "log"));
        cluster.Run(5000);
        Assert.All(cluster.Nodes, static n => Assert.NotNull(n!.CannotServeReason));
        cluster.Frozen.Clear();
        cluster.RunUntil(() => cluster.Nodes.All(static n => n!.CannotServeReason is null), "all are ready again", 20_000);
        Assert.True(cluster.Put("k", "v").IsOk);
    }

    // What is counted as without a leader is a part of what is counted by role.
    [Fact]
    public void Groups_without_a_leader_are_shards()
    {
        var gauges = new Dictionary<string, GaugeMeter>();
        var cluster = new SteppedCluster(shards: 4, configure: o => o with { Meter = gauges[o.NodeName] = new GaugeMeter() });
        cluster.AwaitLeaders();
        Assert.Equal(0, gauges["n1"]["raft_groups_without_leader"]);
        cluster.Crash(1, 3);
        cluster.Crash(2, 4);
        cluster.Run(6000);
        Assert.Equal((4, 4), (gauges["n1"]["raft_groups_without_leader"], gauges["n1"]["cluster_shards"]));
    }

    private static void StepWithoutDisk(NoriNode node)
    {
        for (bool worked = true; worked;)
        {
            worked = false;
            foreach (NodeStep step in node.Steps)
            {
                if (step.Name != "log") worked |= step.RunOnce();
            }
        }
    }
}
