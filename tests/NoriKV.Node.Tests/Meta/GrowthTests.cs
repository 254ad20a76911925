using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Meta;

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

    [Fact]
    public void One_node_becomes_three_and_every_shard_has_three_voters()
    {
        var cluster = new GrowingCluster();
        for (int i = 0; i < 40; i++) cluster.Put($"k{i}", $"v{i}");
        cluster.Join(2);
        cluster.Join(3, seed: 2);
        cluster.AwaitLevel(3);
        Assert.All(cluster.Nodes.Keys, n => Assert.Equal(8, cluster.ReplicasOn(n)));
        Assert.Equal(3, cluster.Leader(cluster.Meta)!.Configuration.Voters.Count);
        Assert.Equal(3, cluster.Status.EffectiveReplicationFactor);

        // The first node is one among three now.
        cluster.Crash(1);
        cluster.RunUntil(() => Enumerable.Range(0, 8).All(s => cluster.Leader(new ShardId((uint)s)) is not null), "leaders");
        for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
        cluster.Put("after", "x");
        cluster.Start(1);
        cluster.Run(5000);
        Assert.Equal("x", cluster.Read("after"));
        Assert.Equal(3, cluster.Nodes[1].View.Nodes.Count);
    }
}
