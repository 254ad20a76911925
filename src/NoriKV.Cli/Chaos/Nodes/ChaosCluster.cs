using System.Globalization;
using Nori.Core;
using NoriKV.Cli.Chaos.Network;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>A cluster of real processes on loopback, with a network between them that can be cut.</summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    private readonly Guard _guard;
    private readonly StreamProxy[] _streams;
    private readonly DatagramProxy? _datagrams;
    private readonly SourceFinder? _sources;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(2) };

    /// <param name="options">What is run.</param>
    /// <param name="folder">Where data and words go.</param>
    /// <param name="isTemporary">Whether the folder goes when this process is killed.</param>
    /// <param name="isDirect">Nothing stands between nodes, and nothing can be cut: for figures.</param>
    /// <param name="time">Its clock.</param>
    public ChaosCluster(ChaosOptions options, string folder, bool isTemporary, bool isDirect, TimeProvider time)
    {
        _guard = new Guard(isTemporary ? folder : null);
        int[] ports = Ports.Take(options.Nodes * 3);
        int[][] own = [.. Enumerable.Range(0, options.Nodes).Select(i => ports[(i * 3)..((i * 3) + 3)])];
        if (isDirect) own = [.. own.Select(static p => (int[])[p[1], p[1], p[2]])];
        string seeds = string.Join(',', own.Select(static p => $"127.0.0.1:{p[0]}"));
        Nodes = [.. own.Select((p, i) => new ChaosNode(i, folder, ArgumentsOf(options, i, p, seeds, folder), p, _guard))];
        Links = new LinkTable(options.Nodes, time);
        _streams = [];
        if (isDirect) return;
        _sources = new SourceFinder(Processes, Links.Clients);
        _streams = [.. Nodes.Select(n => new StreamProxy(n.Public, n.Real, n.Index, Links, _sources))];
        _datagrams = new DatagramProxy(
            [.. Nodes.Select(static n => n.Public)], [.. Nodes.Select(static n => n.Real)], Links, new Prng(options.Seed));
    }

    public IReadOnlyList<ChaosNode> Nodes { get; }

    public LinkTable Links { get; }

    /// <summary>What clients dial.</summary>
    public IReadOnlyList<string> Addresses => [.. Nodes.Select(static n => $"{n.Public}")];

    /// <summary>Starts all nodes and waits until they serve.</summary>
    /// <exception cref="IOException">One ended before, or it took too long.</exception>
    public async Task StartAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        NodeProcess[] processes = [.. Nodes.Select(static n => n.Start())];
        try
        {
            bool[] ready = await Task.WhenAll(processes.Select(static p => p.Ready)).WaitAsync(limit, cancellationToken)
                .ConfigureAwait(false);
            if (Array.IndexOf(ready, false) is >= 0 and var i)
                throw new IOException($"{Nodes[i].Name} ended before it served; see {Nodes[i].WordsFile}");
        }
        catch (TimeoutException)
        {
            throw new IOException($"the cluster did not serve within {limit.TotalSeconds:0} s; see {Nodes[0].WordsFile}");
        }
    }

    /// <summary>Cuts what two parties say to each other, one way.</summary>
    /// <param name="from">Who is not heard.</param>
    /// <param name="to">By whom.</param>
    /// <param name="isReset">Whether connections break; otherwise they go silent, as where packets are lost.</param>
    /// <param name="isOfStreams">Datagrams pass all the same.</param>
    public void Cut(int from, int to, bool isReset, bool isOfStreams = false)
    {
        Links[from, to].Cut(isOfStreams);
        if (!isReset) return;
        if (to < _streams.Length) _streams[to].Reset(from);
        if (from < _streams.Length) _streams[from].Reset(to);
    }

    /// <summary>What a node says of itself; null when it does not answer.</summary>
    public Task<NodeSight?> SightAsync(ChaosNode node, CancellationToken cancellationToken) =>
        node.IsUp ? NodeSight.AskAsync(_http, node.HttpPort, cancellationToken) : Task.FromResult<NodeSight?>(null);

    public async ValueTask DisposeAsync()
    {
        foreach (ChaosNode node in Nodes) await node.DisposeAsync().ConfigureAwait(false);
        foreach (StreamProxy proxy in _streams) await proxy.DisposeAsync().ConfigureAwait(false);
        if (_datagrams is not null) await _datagrams.DisposeAsync().ConfigureAwait(false);
        _sources?.Dispose();
        _http.Dispose();
        _guard.Dispose();
    }

    private (int, int)[] Processes() => [.. Nodes.Where(static n => n.Process is not null).Select(static n => (n.Process!.Id, n.Index))];

    private static string[] ArgumentsOf(ChaosOptions options, int i, int[] ports, string seeds, string folder) =>
    [
        "chaos-node",
        "--node-id", $"n{i + 1}",
        "--rpc-addr", $"127.0.0.1:{ports[1]}",
        "--advertise-addr", $"127.0.0.1:{ports[0]}",
        "--http-addr", $"127.0.0.1:{ports[2]}",
        "--data-dir", Path.Combine(folder, $"n{i + 1}"),
        "--total-shards", options.Shards.ToString(CultureInfo.InvariantCulture),
        // Small, so that segments and memtables change during a run.
        "--log-segment-bytes", "4MiB",
        "--storage-memtable-bytes", "256KiB",
        "--storage-block-cache-bytes", "16MiB",
        .. options.Nodes > 1
            ? (string[])["--seed-nodes", seeds, "--bootstrap-expect", options.Nodes.ToString(CultureInfo.InvariantCulture)]
            : [],
    ];
}
