using Nori.IO;
using NoriKV.Node.Diagnosis;
using NoriKV.Node.Tests.MetaGroup;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Diagnosis;

/// <summary>A node asks the others what is wrong: whole nodes in one thread.</summary>
public sealed class DiagnoseTests
{
    [Fact]
    public void Any_node_finds_what_is_wrong_by_asking_the_others()
    {
        GrowingCluster cluster = Three();
        foreach (int node in cluster.Nodes.Keys)
        {
            ClusterDiagnosis well = Ask(cluster, node);
            Assert.True(well.IsHealthy, Text(well));
            Assert.Equal(["n1", "n2", "n3"], well.Answered);
        }

        cluster.Crash(3);
        cluster.Run(6000);
        ClusterDiagnosis one = Ask(cluster, 1);
        Assert.False(one.IsHealthy);
        Assert.Equal(["n1", "n2"], one.Answered);
        Assert.Equal([FindingIds.NodeUnreachable, FindingIds.UnderReplicated], one.Findings.Select(static f => f.Id));

        cluster.Crash(2);
        cluster.Run(6000);
        ClusterDiagnosis two = Ask(cluster, 1);
        Assert.Contains(FindingIds.NoQuorum, two.Findings.Select(static f => f.Id));
        Finding lost = two.Findings.First(static f => f.Id == FindingIds.NoQuorum);
        Assert.Contains("those on n2, n3 do not", lost.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_whose_log_failed_still_says_why_when_it_is_asked()
    {
        FaultInjectingFileSystem? disk = null;
        GrowingCluster cluster = Three(o => o.NodeName == "n2"
            ? o with { FileSystem = disk = new FaultInjectingFileSystem(o.FileSystem) }
            : o);
        disk!.Add(new FaultRule { Operation = FileOperation.Sync, PathPattern = "**/log/*" });
        cluster.RunUntil(() => cluster.Nodes[2].NotReadyReason is not null, "the log of n2 fails");
        cluster.Run(2000);
        ClusterDiagnosis found = Ask(cluster, 1);
        Finding stopped = found.Findings.Single(static f => f.Id == FindingIds.NodeStopped);
        Assert.Equal("n2", stopped.Node);
        Assert.Contains("The log failed", stopped.Evidence, StringComparison.Ordinal);
        Assert.Contains("n2", found.Answered);
    }

    [Fact]
    public void A_node_alone_is_well_with_fewer_replicas_than_are_configured()
    {
        var cluster = new GrowingCluster();
        ClusterDiagnosis alone = Ask(cluster, 1);
        Assert.True(alone.IsHealthy, Text(alone));
        Assert.Equal([FindingIds.FewNodes], alone.Findings.Select(static f => f.Id));
    }

    private static GrowingCluster Three(Func<NodeOptions, NodeOptions>? configure = null)
    {
        var cluster = new GrowingCluster(configure: configure);
        cluster.Join(2);
        cluster.Join(3);
        cluster.AwaitLevel(3);
        cluster.Run(3000);
        return cluster;
    }

    private static ClusterDiagnosis Ask(GrowingCluster cluster, int node)
    {
        KvResult<ClusterDiagnosis> result = cluster.Await(cluster.Nodes[node].DiagnoseAsync(cluster.Context(10_000)).AsTask());
        Assert.True(result.IsOk, result.Error?.Message);
        return result.Value;
    }

    private static string Text(ClusterDiagnosis diagnosis) =>
        string.Join("; ", diagnosis.Findings.Select(static f => $"{f.Id} {f.What} {f.Evidence}"));
}
