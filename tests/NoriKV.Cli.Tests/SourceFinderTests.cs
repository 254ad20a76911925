using System.Net;
using System.Net.Sockets;
using NoriKV.Cli.Chaos.Network;

namespace NoriKV.Cli.Tests;

/// <summary>Whose a connection is, by /proc.</summary>
public sealed class SourceFinderTests
{
    private const int Clients = 7;

    [Fact]
    public async Task All_who_dial_at_once_are_told_apart_from_a_port_that_nobody_has()
    {
        using var finder = new SourceFinder(static () => [], Clients);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start(backlog: 64);
        TcpClient[] dialled = [.. Enumerable.Range(0, 50).Select(static _ => new TcpClient())];
        foreach (TcpClient client in dialled) await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        int[] ports = [.. dialled.Select(static c => ((IPEndPoint)c.Client.LocalEndPoint!).Port)];
        int unused = ((IPEndPoint)listener.LocalEndpoint).Port;

        int?[] parties = await Task.WhenAll([.. ports.Select(finder.FindAsync), finder.FindAsync(unused)]);

        Assert.All(parties[..^1], static p => Assert.Equal(Clients, p));
        Assert.Null(parties[^1]);
        foreach (TcpClient client in dialled) client.Dispose();
    }

    [Fact]
    public async Task A_node_that_has_gone_meanwhile_is_no_error()
    {
        using var finder = new SourceFinder(static () => [(int.MaxValue, 1)], Clients);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        Assert.Equal(Clients, await finder.FindAsync(((IPEndPoint)client.Client.LocalEndPoint!).Port));
    }

    [Fact]
    public async Task Who_asks_when_it_is_over_is_told()
    {
        var finder = new SourceFinder(static () => [], Clients);
        finder.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => finder.FindAsync(1));
    }
}
