using Nori.Wal;
using NoriKV.Node;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Raft.Bench;

/// <summary>One node or three of them in this process, on the real disk, speaking over loopback.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    private readonly List<NoriNode> _nodes = [];
    private readonly PeerMesh? _mesh;

    private BenchCluster(PeerMesh? mesh) => _mesh = mesh;

    public CountingMeter Meter { get; } = new();

    public IReadOnlyList<NoriNode> Nodes => _nodes;

    /// <summary>Frames sent between the nodes so far.</summary>
    public long Frames => _mesh?.Frames ?? 0;

    public int Groups { get; private init; }

    public static async Task<BenchCluster> StartAsync(string directory, int nodes, int groups)
    {
        var clusterId = new Guid(0x6e6f7269, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        PeerMesh? mesh = nodes == 1 ? null : await PeerMesh.StartAsync(nodes, clusterId);
        var cluster = new BenchCluster(mesh) { Groups = groups };
        try
        {
            for (int i = 0; i < nodes; i++)
            {
                var options = new NodeOptions
                {
                    NodeName = $"n{i + 1}",
                    DataDirectory = Path.Combine(directory, $"n{i + 1}"),
                    TotalShards = groups,
                    Sync = SyncPolicy.Batch,
                    Meter = cluster.Meter,
                    Plan = mesh?.PlanOf(i),
                    Transport = mesh?.TransportOf(i),
                };
                cluster._nodes.Add(await NoriNode.StartAsync(options));
            }

            await cluster.WaitForLeadersAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The node that leads a shard.</summary>
    public NoriNode? LeaderOf(ShardId shard)
    {
        foreach (IRouter router in _nodes)
        {
            if (router.LeaderOf(shard) is { } number) return _nodes[_nodes.Count == 1 ? 0 : (int)number.Value - 1];
        }

        return null;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (NoriNode node in _nodes) await node.DisposeAsync();
        if (_mesh is not null) await _mesh.DisposeAsync();
    }

    private async Task WaitForLeadersAsync()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        for (uint shard = 0; shard < (uint)Groups;)
        {
            if (LeaderOf(new ShardId(shard)) is not null) shard++;
            else await Task.Delay(10, late.Token);
        }
    }
}
