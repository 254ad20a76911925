namespace NoriKV.Transport.Grpc;

/// <summary>The bounds of the gRPC services.</summary>
public sealed record GrpcTransportOptions
{
    /// <summary>Time for a call that brings no deadline. Default 5 s.</summary>
    public TimeSpan DefaultTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Calls of one Kv.Stream worked on or waiting to be sent; further ones stay unread for a while. Default 1,024.
    /// </summary>
    public int StreamCallsMax { get; init; } = 1024;

    /// <summary>
    /// When there have been so many calls for so long, further ones are refused: what stays unread grows old, and nobody knows how
    /// old. Default 250 ms.
    /// </summary>
    public TimeSpan StreamFullMax { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Bytes of those calls and their results together. A call that exceeds it alone is let in when nothing
    /// else is in flight. Default 16 MiB.
    /// </summary>
    public int StreamBytesMax { get; init; } = 16 << 20;

    /// <summary>
    /// A response of Kv.Stream is sent when its results exceed this, or when no more are ready. Default 64
    /// KiB.
    /// </summary>
    public int StreamResponseBytes { get; init; } = 64 << 10;

    /// <summary>Most pairs of one response of Kv.Scan. Default 1,000.</summary>
    public int ScanPairsMax { get; init; } = 1000;

    /// <summary>A response of Kv.Scan ends behind the pair that exceeds this. Default 256 KiB.</summary>
    public int ScanBytesMax { get; init; } = 256 << 10;

    /// <summary>
    /// True lets anyone call Admin and Raft. Otherwise they answer loopback, callers with a verified client
    /// certificate, and callers who present <see cref="PeerSecret"/>. Default false.
    /// </summary>
    public bool Insecure { get; init; }

    /// <summary>
    /// The secret that peers and operators send as metadata <c>norikv-peer-secret</c>; null for none.
    /// </summary>
    public string? PeerSecret { get; init; }

    /// <summary>Every problem of these options; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Check(DefaultTimeout > TimeSpan.Zero, "DefaultTimeout must be above 0");
        Check(StreamCallsMax > 0, "StreamCallsMax must be above 0");
        Check(StreamFullMax > TimeSpan.Zero, "StreamFullMax must be above 0");
        Check(StreamBytesMax > 0, "StreamBytesMax must be above 0");
        Check(StreamResponseBytes > 0, "StreamResponseBytes must be above 0");
        Check(ScanPairsMax > 0, "ScanPairsMax must be above 0");
        Check(ScanBytesMax > 0, "ScanBytesMax must be above 0");
        Check(PeerSecret is not "", "PeerSecret must not be empty");
        return problems;

        void Check(bool holds, string problem)
        {
            if (!holds) problems.Add(problem);
        }
    }
}
