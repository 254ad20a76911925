using Nori.Grpc;
using Nori.Grpc.Server;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters;

/// <summary>
/// Frames between replicas over gRPC: to each replica a stream for messages and one, on a connection of its own, for
/// snapshots; made again when it ends. Put <see cref="Service"/> into the replica's server.
/// </summary>
/// <remarks>
/// Thread-safe. Who may connect is the server's matter: its authorizer, its TLS. A hello only keeps replicas of another
/// group or cluster apart.
/// </remarks>
public sealed class GrpcRaftTransport : IRaftTransport, IAsyncDisposable
{
    private const string ServiceName = "nori.raft.v1.Raft";
    private readonly GrpcRaftTransportOptions _options;

    // Guards the links.
    private readonly Lock _gate = new();
    private readonly Dictionary<ReplicaId, Peer> _peers = [];
    private bool _isDisposed;

    /// <summary>A transport that knows nobody yet.</summary>
    /// <exception cref="ArgumentException">The options have problems.</exception>
    public GrpcRaftTransport(GrpcRaftTransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        _options = options;
        Service = new GrpcServiceDefinition(ServiceName).AddDuplex(Stream, TakeAsync);
    }

    /// <summary>What takes the streams of the others.</summary>
    public GrpcServiceDefinition Service { get; }

    /// <inheritdoc/>
    public Action<ReadOnlyMemory<byte>>? Received { get; set; }

    internal static GrpcMethod<FramePart, FramePart> Stream { get; } = FramePart.Method(ServiceName, "Stream");

    /// <summary>Frames dropped on the way out, to all replicas.</summary>
    public long DroppedFrames
    {
        get
        {
            lock (_gate) return _peers.Values.Sum(p => p.Messages.DroppedFrames + p.Snapshots.DroppedFrames);
        }
    }

    /// <summary>Says where a replica is, also again when it moved; null when it is gone.</summary>
    /// <param name="replica">Another replica.</param>
    /// <param name="address">host:port.</param>
    public async ValueTask SetPeerAsync(ReplicaId replica, string? address)
    {
        Peer? old = null;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_peers.TryGetValue(replica, out Peer? known) && known.Address == address) return;
            _peers.Remove(replica, out old);
            if (address is not null) _peers.Add(replica, new Peer(_options, replica, address));
        }

        if (old is not null) await old.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>True while the stream for messages to a replica is up.</summary>
    public bool IsConnected(ReplicaId replica)
    {
        lock (_gate) return _peers.TryGetValue(replica, out Peer? peer) && peer.Messages.IsConnected;
    }

    /// <inheritdoc/>
    public bool TrySend(ReplicaId target, RaftChannel channel, ReadOnlyMemory<byte> frame)
    {
        Peer? peer;
        lock (_gate)
            if (!_peers.TryGetValue(target, out peer)) return false;
        return (channel == RaftChannel.Messages ? peer.Messages : peer.Snapshots).TrySend(frame);
    }

    /// <summary>Ends the streams to the others; those from them end with the server.</summary>
    public async ValueTask DisposeAsync()
    {
        Peer[] peers;
        lock (_gate)
        {
            _isDisposed = true;
            peers = [.. _peers.Values];
            _peers.Clear();
        }

        foreach (Peer peer in peers) await peer.DisposeAsync().ConfigureAwait(false);
    }

    private async Task TakeAsync(
        GrpcRequestStream<FramePart> parts,
        GrpcResponseStream<FramePart> answers,
        ServerCallContext context)
    {
        if (!await parts.MoveNextAsync().ConfigureAwait(false)) return;
        if (!RaftHello.TryDecode(parts.Current.Bytes.Span, out RaftHello hello))
            throw new GrpcException(GrpcStatusCode.InvalidArgument, "the first message is no hello of format 1");
        if (hello.Cluster != _options.Cluster || hello.Group != _options.Group || hello.To != _options.Replica)
        {
            string here = $"replica {_options.Replica} of group {_options.Group} of {_options.Cluster}";
            throw new GrpcException(GrpcStatusCode.FailedPrecondition, $"this is {here}");
        }

        RaftHello answer = hello with { From = _options.Replica, To = hello.From };
        await answers.WriteAsync(new FramePart(answer.Encode(), true)).ConfigureAwait(false);
        using CancellationTokenRegistration stops = context.ServerStopping.UnsafeRegister(
            static state => ((ServerCallContext)state!).HttpContext.Abort(), context);
        FrameAssembler assembler = new(_options.FrameBytesMax);
        while (await parts.MoveNextAsync().ConfigureAwait(false))
            if (assembler.TryAdd(parts.Current, out ReadOnlyMemory<byte> frame)) Received?.Invoke(frame);
    }

    private sealed class Peer(GrpcRaftTransportOptions options, ReplicaId replica, string address) : IAsyncDisposable
    {
        public string Address => address;

        public FrameLink Messages { get; } = new(options.ToLink(address, replica, RaftChannel.Messages));

        public FrameLink Snapshots { get; } = new(options.ToLink(address, replica, RaftChannel.Snapshots));

        public async ValueTask DisposeAsync()
        {
            await Messages.DisposeAsync().ConfigureAwait(false);
            await Snapshots.DisposeAsync().ConfigureAwait(false);
        }
    }
}
