using System.Net.Security;
using Nori.Grpc;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>How nodes reach each other.</summary>
public sealed record PeerTransportOptions
{
    /// <summary>The protocols between nodes that this build speaks.</summary>
    internal const ushort ProtocolMin = PeerProtocol.Min;

    internal const ushort ProtocolMax = PeerProtocol.Max;

    /// <summary>TLS to peers, with this node's certificate; null for plaintext.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>The cluster's secret, sent as metadata <c>norikv-peer-secret</c>; null for none.</summary>
    public string? PeerSecret { get; init; }

    /// <summary>
    /// Whether a store is the one that a node is known by; a known node on another store is refused. Default: any is.
    /// </summary>
    public Func<NodeNumber, Guid, bool> IsStoreOf { get; init; } = static (_, _) => true;

    /// <summary>
    /// What the registry says of a node, on a store, that is no member any more: it is refused with that. Default: nothing.
    /// </summary>
    public Func<NodeNumber, Guid, Dismissal?> DismissalOf { get; init; } = static (_, _) => null;

    /// <summary>Told when a peer refuses this node because it is no member any more; must neither block nor throw.</summary>
    public Action<Dismissal>? Dismissed { get; init; }

    /// <summary>Frames that wait for a node on a channel; beyond, the oldest go. Default 4,096.</summary>
    public int QueueFramesMax { get; init; } = 4096;

    /// <summary>Bytes that wait for a node on a channel; beyond, the oldest frames go. Default 64 MiB.</summary>
    public long QueueBytesMax { get; init; } = 64L << 20;

    /// <summary>The largest frame taken; it may come in several messages. Default 64 MiB.</summary>
    public int FrameBytesMax { get; init; } = 64 << 20;

    /// <summary>The pause after a first failure to connect; it doubles up to the longest. Default 50 ms.</summary>
    public TimeSpan BackoffMin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause. Default 1 s.</summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A connection silent for so long is pinged, and closed if that is not answered for as long. Default 2 s.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Every problem of these options; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        if (PeerSecret is "") problems.Add("PeerSecret must not be empty");
        if (FrameBytesMax <= 0) problems.Add("FrameBytesMax must be above 0");
        problems.AddRange(ToLink("localhost:1", default, static _ => null).Validate());
        return problems;
    }

    internal FrameLinkOptions ToLink(
        string address, ReadOnlyMemory<byte> hello, Func<ReadOnlyMemory<byte>, string?> judge) => new()
    {
        Channel = new GrpcChannelOptions
        {
            Address = new Uri($"{(Tls is null ? "http" : "https")}://{address}"),
            Tls = Tls,
            KeepAlivePingDelay = KeepAlive,
            KeepAlivePingTimeout = KeepAlive,
        },
        Method = PeerTransport.Stream,
        Hello = hello,
        Judge = judge,
        Failed = NoteFailed,
        LineTokenOf = PeerHello.LineTokenOf,
        Headers = PeerSecret is { } secret ? new Metadata { { AccessGate.SecretKey, secret } } : null,
        QueueFramesMax = QueueFramesMax,
        QueueBytesMax = QueueBytesMax,
        BackoffMin = BackoffMin,
        BackoffMax = BackoffMax,
    };

    private void NoteFailed(GrpcException failure)
    {
        if (DismissalTrailer.Read(failure) is { } dismissal) Dismissed?.Invoke(dismissal);
    }
}
