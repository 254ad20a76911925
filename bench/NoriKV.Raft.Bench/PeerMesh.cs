using System.Net;
using Nori.Grpc.Server;
using NoriKV.Node;
using NoriKV.Node.Ports;
using NoriKV.Transport.Grpc;
using NoriKV.Types;

namespace NoriKV.Raft.Bench;

/// <summary>The peer streams of all nodes: gRPC over loopback sockets, as between servers.</summary>
internal sealed class PeerMesh : IAsyncDisposable
{
    private const int ReplicaSpacing = 100_000;
    private readonly List<PeerTransport> _transports = [];
    private readonly List<GrpcServer> _servers = [];
    private readonly List<CountedTransport> _counted = [];
    private readonly Guid _clusterId;

    private PeerMesh(Guid clusterId) => _clusterId = clusterId;

    /// <summary>Frames that nodes wanted to send.</summary>
    public long Frames => _counted.Sum(static t => t.Frames);

    public static async Task<PeerMesh> StartAsync(int nodes, Guid clusterId)
    {
        var mesh = new PeerMesh(clusterId);
        for (int i = 0; i < nodes; i++)
        {
            var transport = new PeerTransport(new PeerTransportOptions());
            var store = new Guid(i + 1, 0, 0, new byte[8]);
            transport.Identify(new PeerIdentity(NumberOf(i), clusterId, store));
            mesh._transports.Add(transport);
            mesh._counted.Add(new CountedTransport(transport));
            mesh._servers.Add(await GrpcServer.StartAsync(
                [transport.Service], new IPEndPoint(IPAddress.Loopback, 0), new GrpcServerOptions()));
        }

        for (int i = 0; i < nodes; i++)
        {
            for (int peer = 0; peer < nodes; peer++)
                if (peer != i) await mesh._transports[i].SetPeerAsync(NumberOf(peer), mesh.AddressOf(peer));
        }

        return mesh;
    }

    public ITransport TransportOf(int node) => _counted[node];

    public ClusterPlan PlanOf(int node) => new()
    {
        Self = NumberOf(node),
        ClusterId = _clusterId,
        Nodes = [.. Enumerable.Range(0, _servers.Count).Select(i => new PlannedNode(NumberOf(i), $"n{i + 1}", AddressOf(i)))],
        Replicas = shard =>
            [.. Enumerable.Range(0, _servers.Count).Select(i => new PlannedReplica(
                new ReplicaId((ulong)(i * ReplicaSpacing) + shard.Value + 1), NumberOf(i), false))],
    };

    public async ValueTask DisposeAsync()
    {
        foreach (PeerTransport transport in _transports) await transport.DisposeAsync();
        foreach (GrpcServer server in _servers) await server.DisposeAsync();
    }

    private string AddressOf(int node) => _servers[node].EndPoints[0].ToString();

    private static NodeNumber NumberOf(int node) => new((ulong)node + 1);

    private sealed class CountedTransport(PeerTransport inner) : ITransport
    {
        private long _frames;

        public long Frames => Interlocked.Read(ref _frames);

        public Action<NodeNumber, PeerChannel, ReadOnlyMemory<byte>>? Received
        {
            get => inner.Received;
            set => inner.Received = value;
        }

        public bool TrySend(NodeNumber target, PeerChannel channel, ReadOnlyMemory<byte> frame)
        {
            Interlocked.Increment(ref _frames);
            return inner.TrySend(target, channel, frame);
        }
    }
}
