using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Nori.IO;

namespace NoriKV.Server.Tests;

/// <summary>Servers that form a cluster over real sockets of loopback, in one process.</summary>
public sealed class ClusterTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Three_servers_form_a_cluster_and_each_shows_the_same()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        string id = "";
        foreach (TestServer server in cluster.Servers)
        {
            using JsonDocument view = JsonDocument.Parse(await server.Http.GetStringAsync("/meta/cluster"));
            id = id.Length == 0 ? view.RootElement.GetProperty("cluster_id").GetString()! : id;
            Assert.Equal(id, view.RootElement.GetProperty("cluster_id").GetString());
            Assert.Equal(
                ["n1", "n2", "n3"],
                view.RootElement.GetProperty("nodes").EnumerateArray().Select(static n => n.GetProperty("id").GetString()));
            Assert.All(view.RootElement.GetProperty("shards").EnumerateArray(), static shard =>
                Assert.Equal(3, shard.GetProperty("replicas").GetArrayLength()));
        }

        TestServer first = cluster.Servers[0];
        for (int i = 0; i < 20; i++)
        {
            foreach (TestServer server in cluster.Servers)
            {
                // Whoever leads the key's shard takes it.
                if ((await server.Http.PutAsync($"/kv/k{i}", new StringContent($"v{i}"))).StatusCode == HttpStatusCode.OK) break;
            }
        }

        Assert.Equal(20, await FoundAsync(cluster));
    }

    private static async Task<int> FoundAsync(TestCluster cluster)
    {
        int found = 0;
        for (int i = 0; i < 20; i++)
        {
            string value = await cluster.Servers[i % cluster.Servers.Count].Http.GetStringAsync($"/kv/k{i}");
            if (value == $"v{i}") found++;
        }

        return found;
    }
}
