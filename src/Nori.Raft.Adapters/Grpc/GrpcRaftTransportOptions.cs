using System.Net.Security;
using Nori.Grpc;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters;

/// <summary>How a replica reaches the others.</summary>
public sealed record GrpcRaftTransportOptions
{
    /// <summary>This replica.</summary>
    public required ReplicaId Replica { get; init; }

    /// <summary>The group; streams of any other are refused.</summary>
    /// <value>1.</value>
    public GroupId Group { get; init; } = new(1);

    /// <summary>A name that keeps strangers apart: streams of any other are refused. It is no secret.</summary>
    public required string Cluster { get; init; }

    /// <summary>TLS to the others, with this replica's certificate; null for plaintext.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>Metadata of the streams, for the authorizer of the other side.</summary>
    public Metadata? Headers { get; init; }

    /// <summary>Frames that wait for a replica on a channel; beyond, the oldest go.</summary>
    /// <value>4,096.</value>
    public int QueueFramesMax { get; init; } = 4096;

    /// <summary>Bytes that wait for a replica on a channel; beyond, the oldest frames go.</summary>
    /// <value>64 MiB.</value>
    public long QueueBytesMax { get; init; } = 64L << 20;

    /// <summary>The largest frame taken; it may come in several messages.</summary>
    /// <value>64 MiB.</value>
    public int FrameBytesMax { get; init; } = 64 << 20;

    /// <summary>The pause after a first failure to connect; it doubles up to the longest.</summary>
    /// <value>50 ms.</value>
    public TimeSpan BackoffMin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause.</summary>
    /// <value>2 s.</value>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A connection that is silent for so long is pinged, and closed if that is not answered for as long.</summary>
    /// <value>2 s.</value>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        if (Replica.IsNone) problems.Add("Replica must not be 0");
        if (Cluster.Length is 0 or > 64) problems.Add("Cluster must have 1 to 64 characters");
        if (FrameBytesMax <= 0) problems.Add("FrameBytesMax must be positive");
        problems.AddRange(ToLink("localhost:1", default, default).Validate());
        return problems;
    }

    internal FrameLinkOptions ToLink(string address, ReplicaId target, RaftChannel channel) => new()
    {
        Channel = new GrpcChannelOptions
        {
            Address = new Uri($"{(Tls is null ? "http" : "https")}://{address}"),
            Tls = Tls,
            KeepAlivePingDelay = KeepAlive,
            KeepAlivePingTimeout = KeepAlive,
        },
        Method = GrpcRaftTransport.Stream,
        Hello = new RaftHello(channel, Group, Replica, target, Cluster).Encode(),
        Judge = answer => RaftHello.TryDecode(answer.Span, out RaftHello hello) && hello.From == target
            ? null
            : "the answer to the hello is none of that replica",
        Headers = Headers,
        QueueFramesMax = QueueFramesMax,
        QueueBytesMax = QueueBytesMax,
        BackoffMin = BackoffMin,
        BackoffMax = BackoffMax,
    };
}
