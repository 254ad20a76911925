using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Three nodes replicate, fail over and come back.</summary>
public sealed class ClusterReplicationTests
{
    [Fact]
    public void Three_nodes_elect_leaders_and_hold_the_same()
    {
        var cluster = new SteppedCluster();
        cluster.AwaitLeaders();
        for (int i = 0; i < 40; i++) Assert.True(cluster.Put($"k{i}", $"v{i}").IsOk);
        cluster.Run(500);
        for (uint shard = 0; shard < cluster.Shards; shard++)
        {
            Assert.NotEmpty(cluster.Dump(0, shard));
            Assert.Equal(cluster.Dump(0, shard), cluster.Dump(1, shard));
            Assert.Equal(cluster.Dump(0, shard), cluster.Dump(2, shard));
        }

        for (int i = 0; i < 40; i++)
        {
            for (int node = 0; node < 3; node++) Assert.Equal($"v{i}", cluster.Read(node, $"k{i}"));
        }
    }
}
