using Nori.IO;

namespace NoriKV.Server.Tests;

/// <summary>Servers that form one cluster, in this process, each on a file system in memory of its own.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly Func<ServerOptions, ServerOptions> _change;
    private readonly int[] _ports;
    private readonly MemoryFileSystem[] _files;
    private readonly TestServer?[] _servers;

    private TestCluster(int nodes, Func<ServerOptions, ServerOptions>? change)
    {
        _change = change ?? (static o => o);
        _ports = [.. Enumerable.Range(0, nodes).Select(static _ => FreePort.Next())];
        _files = [.. Enumerable.Range(0, nodes).Select(static _ => new MemoryFileSystem())];
        _servers = new TestServer?[nodes];
    }

    /// <summary>Those that run, by number.</summary>
    public IReadOnlyList<TestServer> Servers => [.. _servers.OfType<TestServer>()];

    /// <summary>The files of a server.</summary>
    public IReadOnlyList<MemoryFileSystem> Files => _files;

    public TestServer this[int server] => _servers[server] ?? throw new InvalidOperationException($"n{server + 1} does not run");

    /// <summary>Starts that many servers; they serve when it returns.</summary>
    public static async Task<TestCluster> StartAsync(int nodes, Func<ServerOptions, ServerOptions>? change = null)
    {
        var cluster = new TestCluster(nodes, change);
        try
        {
            // One that cannot start (its port was taken meanwhile) ends it at once: the others would wait for it for ever.
            await foreach (Task started in Task.WhenEach(Enumerable.Range(0, nodes).Select(cluster.StartOneAsync))) await started;
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts one of them, where it was before if it was not moved.</summary>
    public async Task StartOneAsync(int server) => _servers[server] = await TestServer.StartAsync(
        o => _change(o with
        {
            NodeId = $"n{server + 1}",
            RpcAddress = new HostPort("127.0.0.1", _ports[server]),
            SeedNodes = [.. _ports.Select(static p => new HostPort("127.0.0.1", p))],
            BootstrapExpect = _ports.Length,
            SwimEnabled = false,
        }),
        p => p with { FileSystem = _files[server] });

    /// <summary>Stops one of them in order.</summary>
    public async Task StopOneAsync(int server)
    {
        await this[server].DisposeAsync();
        _servers[server] = null;
    }

    /// <summary>Ends one of them without a word, as SIGKILL does.</summary>
    public async Task KillOneAsync(int server)
    {
        await this[server].KillAsync();
        _servers[server] = null;
    }

    /// <summary>Where the servers are, running or not.</summary>
    public string[] Addresses => [.. _ports.Select(static p => $"127.0.0.1:{p}")];

    /// <summary>True when all servers run, and each knows a leader of each shard.</summary>
    public bool IsWhole => Servers.Count == _ports.Length && Servers.All(static server =>
        server.Server.Node.Health.Shards.All(static s => s.Status == Node.HealthStatus.Healthy));

    /// <summary>Waits until <see cref="IsWhole"/>.</summary>
    public async Task UntilWholeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!IsWhole) await Task.Delay(20, patience.Token);
    }

    /// <summary>A server that does not run starts elsewhere next.</summary>
    public void Move(int server) => _ports[server] = FreePort.Next();

    /// <summary>The disk of a server that does not run is lost.</summary>
    public void LoseDisk(int server) => _files[server] = new MemoryFileSystem();

    public async ValueTask DisposeAsync()
    {
        foreach (TestServer server in Servers) await server.DisposeAsync();
    }
}
