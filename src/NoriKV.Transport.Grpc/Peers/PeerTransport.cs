using Nori.Grpc;
using Nori.Grpc.Server;
using Nori.Observe;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// Frames between nodes over gRPC. Each node calls each other one, on a stream for each channel; streams are made again when
/// they end. Who may call is judged before, as for Admin: loopback, a verified certificate or the peer secret.
/// </summary>
/// <remarks>Thread-safe. Refuses everybody until it knows who this node is.</remarks>
public sealed class PeerTransport : ITransport, IAsyncDisposable
{
    private readonly PeerTransportOptions _options;
    private readonly PeerTraffic _traffic;

    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly Dictionary<NodeNumber, PeerLinks> _links = [];
    private readonly Dictionary<(NodeNumber, PeerChannel), ServerCallContext> _inbound = [];
    private PeerIdentity? _self;
    private bool _isDisposed;

    /// <summary>A transport that knows neither itself nor others.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public PeerTransport(PeerTransportOptions options, IMeter? meter = null)
    {
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        _options = options;
        Service = new GrpcServiceDefinition(KvMethods.Raft).AddDuplex(Stream, TakeAsync);
        Formation.AddTo(Service);
        _traffic = new PeerTraffic(meter ?? NullMeter.Instance, IsConnectedTo);
        (meter ?? NullMeter.Instance).ObservableCounter(
            "peer_link_frames_dropped_total", "Frames that waited for a connection to a peer and were dropped.", () => DroppedFrames);
    }

    /// <summary>The Raft service, for the node's dispatcher.</summary>
    public GrpcServiceDefinition Service { get; }

    /// <summary>The calls of nodes that have no cluster yet; part of <see cref="Service"/>.</summary>
    public FormationService Formation { get; } = new();

    /// <inheritdoc/>
    public Action<NodeNumber, PeerChannel, ReadOnlyMemory<byte>>? Received { get; set; }

    /// <summary>Frames to peers that were dropped on this side.</summary>
    public long DroppedFrames
    {
        get
        {
            lock (_gate) return _links.Values.Sum(l => l.DroppedFrames);
        }
    }

    internal static GrpcMethod<FramePart, FramePart> Stream { get; } = FramePart.Method(KvMethods.Raft, "Stream");

    /// <summary>Says who this node is; once, before the first peer.</summary>
    public void Identify(PeerIdentity self)
    {
        lock (_gate)
        {
            if (_self is not null && _self != self) throw new InvalidOperationException($"this is {_self} already");
            _self = self;
        }
    }

    /// <summary>Says where a node is, also again when it moved; null when it is gone.</summary>
    /// <param name="node">Another node.</param>
    /// <param name="address">host:port.</param>
    public async ValueTask SetPeerAsync(NodeNumber node, string? address)
    {
        PeerLinks? old;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_self is not { } self) throw new InvalidOperationException("Identify comes first");
            if (_links.TryGetValue(node, out PeerLinks? known) && known.Address == address) return;
            _links.Remove(node, out old);
            if (address is not null && node != self.Node) _links.Add(node, new PeerLinks(_options, self, node, address));
        }

        if (old is not null) await old.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Ends the streams that come from a node; it may open new ones, and is judged anew.</summary>
    public void EndFrom(NodeNumber node)
    {
        lock (_gate)
        {
            foreach (PeerChannel channel in Enum.GetValues<PeerChannel>())
            {
                if (_inbound.Remove((node, channel), out ServerCallContext? call)) call.HttpContext.Abort();
            }
        }
    }

    /// <summary>True while the stream for Raft to a node is up.</summary>
    public bool IsConnected(NodeNumber node)
    {
        lock (_gate) return _links.TryGetValue(node, out PeerLinks? links) && links.IsConnected;
    }

    /// <summary>Why the last attempt to reach a node failed, or its stream ended; null when neither happened.</summary>
    public string? LastFailure(NodeNumber node)
    {
        lock (_gate) return _links.TryGetValue(node, out PeerLinks? links) ? links.LastFailure : null;
    }

    /// <inheritdoc/>
    public bool TrySend(NodeNumber target, PeerChannel channel, ReadOnlyMemory<byte> frame)
    {
        PeerLinks? links;
        lock (_gate)
            if (!_links.TryGetValue(target, out links)) return false;
        if (!links[channel].TrySend(frame)) return false;
        _traffic.NoteSent(target, frame.Length);
        return true;
    }

    /// <summary>Ends the streams to peers; those from them end with the server.</summary>
    public async ValueTask DisposeAsync()
    {
        PeerLinks[] links;
        lock (_gate)
        {
            _isDisposed = true;
            links = [.. _links.Values];
            _links.Clear();
        }

        foreach (PeerLinks peer in links) await peer.DisposeAsync().ConfigureAwait(false);
    }

    private bool IsConnectedTo(NodeNumber node)
    {
        lock (_gate) return _links.TryGetValue(node, out PeerLinks? links) && links.IsConnected;
    }

    private async Task TakeAsync(
        GrpcRequestStream<FramePart> parts, GrpcResponseStream<FramePart> answers, ServerCallContext context)
    {
        if (!await parts.MoveNextAsync().ConfigureAwait(false)) return;
        PeerHello hello = Judge(parts.Current.Bytes.Span, out PeerHello answer);
        (NodeNumber From, PeerChannel Channel) key = (hello.From, hello.Channel);
        Enter(key, context);
        try
        {
            // What was decided between the two, with EndFrom behind it, did not end this stream yet.
            Judge(parts.Current.Bytes.Span, out _);
            using FrameLineOffer? line = context.OfferLine(_options.FrameBytesMax, frame => Take(key, frame));
            byte[] told = line is null ? answer.Encode() : [.. answer.Encode(), .. line.Token.Span];
            await answers.WriteAsync(new FramePart(told, true)).ConfigureAwait(false);
            using CancellationTokenRegistration stops = context.ServerStopping.UnsafeRegister(
                static state => ((ServerCallContext)state!).HttpContext.Abort(), context);
            FrameAssembler assembler = new(_options.FrameBytesMax);
            while (await parts.MoveNextAsync().ConfigureAwait(false))
            {
                if (!assembler.TryAdd(parts.Current, out ReadOnlyMemory<byte> frame)) continue;
                Take(key, frame);
            }
        }
        finally
        {
            Leave(key, context);
        }
    }

    private void Take((NodeNumber From, PeerChannel Channel) key, ReadOnlyMemory<byte> frame)
    {
        _traffic.NoteReceived(key.From, frame.Length);
        Received?.Invoke(key.From, key.Channel, frame);
    }

    private PeerHello Judge(ReadOnlySpan<byte> bytes, out PeerHello answer)
    {
        PeerIdentity? self;
        lock (_gate) self = _self;
        if (self is null) throw new GrpcException(GrpcStatusCode.Unavailable, "this node has not started yet");
        if (!PeerHello.TryDecode(bytes, out PeerHello hello))
            throw new GrpcException(GrpcStatusCode.InvalidArgument, "the first message is no hello of format 1");
        if (hello.ClusterId != self.ClusterId) throw Refused($"this node belongs to cluster {self.ClusterId}");
        if (hello.To != self.Node) throw Refused($"this is node {self.Node}, not {hello.To}");
        if (hello.From == self.Node) throw Refused($"{hello.From} is this node's own number");
        if (_options.DismissalOf(hello.From, hello.StoreUuid) is { } dismissal) throw DismissalTrailer.Refuse(hello.From, dismissal);
        if (!_options.IsStoreOf(hello.From, hello.StoreUuid))
            throw Refused($"node {hello.From} is known by another store; replace it before it comes back on a new one");
        const ushort min = PeerTransportOptions.ProtocolMin, max = PeerTransportOptions.ProtocolMax;
        if (hello.ProtocolMax < min || hello.ProtocolMin > max)
            throw Refused($"this node speaks protocols {min} to {max}, the peer {hello.ProtocolMin} to {hello.ProtocolMax}");
        answer = new PeerHello(hello.Channel, min, max, self.Node, hello.From, self.ClusterId, self.StoreUuid);
        return hello;
    }

    // A peer that came back has a new stream before its old one is known to be dead: the new one counts.
    private void Enter((NodeNumber, PeerChannel) key, ServerCallContext context)
    {
        lock (_gate)
        {
            // Inside the lock: a call whose handler has returned is another's by now, and Leave comes before that.
            if (_inbound.Remove(key, out ServerCallContext? old)) old.HttpContext.Abort();
            _inbound.Add(key, context);
        }
    }

    private void Leave((NodeNumber, PeerChannel) key, ServerCallContext context)
    {
        lock (_gate)
            if (_inbound.GetValueOrDefault(key) == context) _inbound.Remove(key);
    }

    private static GrpcException Refused(string why) => new(GrpcStatusCode.FailedPrecondition, why);
}
