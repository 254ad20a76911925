using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>The C# client on three real nodes whose members come and go: it sees no error, nothing is lost or doubled.</summary>
public sealed class ClusterClientTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_client_of_one_address_learns_the_others_and_goes_on_when_that_one_dies()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        await using NoriKVClient client = await ConnectAsync(cluster.Addresses[0]);
        await using var counters = new Counters(client, 4);
        await counters.MoreAsync(20);
        for (int victim = 0; victim < 3; victim++)
        {
            await cluster.UntilWholeAsync();
            await counters.MoreAsync(10);
            await cluster.KillOneAsync(victim);
            await counters.MoreAsync(20);
            await cluster.StartOneAsync(victim);
        }

        await counters.FinishAsync();
        ClusterView view = await client.GetClusterViewAsync();
        Assert.Equal(cluster.Addresses.Order(), view.Nodes.Select(static n => n.Address).Order());
    }

    [Fact]
    public async Task A_rolling_restart_fails_no_request()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        await using NoriKVClient client = await ConnectAsync(cluster.Addresses);
        await using var counters = new Counters(client, 4);
        for (int server = 0; server < 3; server++)
        {
            await cluster.UntilWholeAsync();
            await counters.MoreAsync(20);
            await cluster.StopOneAsync(server);
            await counters.MoreAsync(20);
            await cluster.StartOneAsync(server);
        }

        await counters.FinishAsync();
    }

    [Fact]
    public async Task A_client_does_not_talk_to_another_cluster_at_its_addresses()
    {
        await using TestServer first = await TestServer.StartAsync();
        await using TestServer second = await TestServer.StartAsync(static o => o with { NodeId = "n2" });
        string[] addresses = [first.Server.RpcEndPoint.ToString(), second.Server.RpcEndPoint.ToString()];
        string id = first.Server.Node.View.ClusterId;
        await using NoriKVClient client = NoriKVClient.Connect(new NoriKVClientOptions
        {
            Addresses = addresses, ClusterId = id, Deadline = Deadline,
        });
        for (int i = 0; i < 20; i++) await client.PutAsync($"k{i}", "v");
        Assert.Equal(20, await client.CountAsync(new ScanOptions()));

        await using NoriKVClient lost = NoriKVClient.Connect(new NoriKVClientOptions
        {
            Addresses = [addresses[1]], ClusterId = id, Deadline = Deadline, SmartRouting = false,
        });
        var e = await Assert.ThrowsAnyAsync<NoriKVException>(async () => await lost.PutAsync("k", "v"));
        Assert.Equal(KvCode.FailedPrecondition, e.Code);
        Assert.Contains(id, e.Message);
        Assert.Contains(second.Server.Node.View.ClusterId, e.Message);
        await using NoriKVClient other = NoriKVClient.Connect(addresses[1]);
        Assert.Equal(0, await other.CountAsync(new ScanOptions()));
    }

    private static ValueTask<NoriKVClient> ConnectAsync(params string[] addresses) => NoriKVClient.ConnectAsync(
        new NoriKVClientOptions { Addresses = addresses, Deadline = Deadline });
}
