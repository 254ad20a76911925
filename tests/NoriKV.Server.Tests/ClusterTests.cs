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

        // Whoever is asked brings it to the leader of the key's shard.
        for (int i = 0; i < 20; i++)
            await DoneAsync(() => cluster.Servers[i % 3].Http.PutAsync($"/kv/k{i}?timeout_ms=30000", new StringContent($"v{i}")));
        for (int i = 0; i < 20; i++)
        {
            HttpResponseMessage got = await DoneAsync(() => cluster.Servers[(i + 1) % 3].Http.GetAsync($"/kv/k{i}?timeout_ms=30000"));
            Assert.Equal($"v{i}", await got.Content.ReadAsStringAsync());
        }
    }

    /// <summary>The seeds are the new addresses; what the nodes remember are the old ones.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Servers_that_moved_while_they_were_down_are_found_again(int moved)
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3, static o => o with { SwimEnabled = true });
        await DoneAsync(() => cluster[0].Http.PutAsync("/kv/k?timeout_ms=30000", new StringContent("before")));
        for (int i = 0; i < moved; i++) await cluster.KillOneAsync(i);
        for (int i = 0; i < moved; i++) cluster.Move(i);
        await Task.WhenAll(Enumerable.Range(0, moved).Select(cluster.StartOneAsync));
        await cluster.UntilWholeAsync();
        HttpResponseMessage got = await DoneAsync(() => cluster[0].Http.GetAsync("/kv/k?timeout_ms=30000"));
        Assert.Equal("before", await got.Content.ReadAsStringAsync());

        // And clients are told where they are.
        using CancellationTokenSource patience = new(Patience);
        while (true)
        {
            using JsonDocument view = JsonDocument.Parse(await cluster[2].Http.GetStringAsync("/meta/cluster"));
            var told = view.RootElement.GetProperty("nodes").EnumerateArray().Select(static n => n.GetProperty("addr").GetString());
            if (told.Order().SequenceEqual(cluster.Addresses.Order())) break;
            await Task.Delay(50, patience.Token);
        }
    }

    // A busy machine may hold an election in between.
    private static async Task<HttpResponseMessage> DoneAsync(Func<Task<HttpResponseMessage>> request)
    {
        using CancellationTokenSource patience = new(Patience);
        while (true)
        {
            HttpResponseMessage answer = await request();
            if (answer.StatusCode is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout))
            {
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                return answer;
            }

            await Task.Delay(20, patience.Token);
        }
    }
}
