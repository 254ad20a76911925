using Nori.IO;
using NoriKV.Node.Tests.Replication;

namespace NoriKV.Node.Tests.MetaGroup;

/// <summary>What becomes of a node whose hints cannot be written.</summary>
public sealed class RegistryFileTests
{
    [Fact]
    public void A_disk_that_fails_at_the_registry_ends_the_node()
    {
        SteppedCluster cluster = WithFault(Errno.IO);
        cluster.RunUntil(() => cluster.Nodes[0]!.NotReadyReason is not null, "the node stops");
        Assert.Contains("The disk failed", cluster.Nodes[0]!.NotReadyReason);
        Assert.Contains("registry", cluster.Nodes[0]!.NotReadyReason);
    }

    [Fact]
    public void A_disk_that_is_full_does_not()
    {
        SteppedCluster cluster = WithFault(Errno.NoSpace);
        cluster.Run(5000);
        Assert.Null(cluster.Nodes[0]!.NotReadyReason);
        Assert.False(cluster.Files[0].FileExists("/data/registry"));
        cluster.Files[0].ClearRules();
        cluster.RunUntil(() => cluster.Files[0].FileExists("/data/registry"), "it is written when there is space");
    }

    private static SteppedCluster WithFault(int errno)
    {
        var cluster = new SteppedCluster();
        cluster.Files[0].Add(new FaultRule
        {
            Operation = FileOperation.Write | FileOperation.Create,
            PathPattern = "registry*",
            Errno = errno,
            Times = FaultRule.Forever,
        });
        cluster.AwaitLeaders();
        return cluster;
    }
}
