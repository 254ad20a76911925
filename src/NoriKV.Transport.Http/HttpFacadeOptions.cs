namespace NoriKV.Transport.Http;

/// <summary>The bounds of the HTTP façade.</summary>
public sealed record HttpFacadeOptions
{
    /// <summary>Time for a request that brings none. Default 5 s.</summary>
    public TimeSpan DefaultTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest time a request may ask for. Default 10 min.</summary>
    public TimeSpan TimeoutMax { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time in which a request's body must have arrived. Default 30 s.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Requests to /kv worked on at once; one more is answered 429. Default 4,096.</summary>
    public int ConcurrentRequestsMax { get; init; } = 4096;

    /// <summary>
    /// Bytes of bodies held at once; what would exceed it is answered 429. Default 256 MiB.
    /// </summary>
    public long BodyBytesMax { get; init; } = 256L << 20;

    /// <summary>Pairs of a page that names no limit. Default 100.</summary>
    public int PagePairsDefault { get; init; } = 100;

    /// <summary>Most pairs of a page, whatever the limit. Default 1,000.</summary>
    public int PagePairsMax { get; init; } = 1000;

    /// <summary>A page ends behind the pair that exceeds this. Default 1 MiB.</summary>
    public int PageBytesMax { get; init; } = 1 << 20;

    /// <summary>Clients of /events at once; one more is answered 429. Default 64.</summary>
    public int EventClientsMax { get; init; } = 64;

    /// <summary>
    /// Time in which a client of /events or /live must take a message, else it is cut off. Default 10 s.
    /// </summary>
    public TimeSpan EventSendTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// True lets anyone change what operators change. Otherwise: callers on this machine, with a verified client certificate, or
    /// with <see cref="PeerSecret"/>. Default false.
    /// </summary>
    public bool Insecure { get; init; }

    /// <summary>What operators may send in the header <c>norikv-peer-secret</c>; null for none.</summary>
    public string? PeerSecret { get; init; }

    /// <summary>Clients of /live at once; one more is answered 429. Default 16.</summary>
    public int LiveClientsMax { get; init; } = 16;

    /// <summary>Every problem of these options; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Check(DefaultTimeout > TimeSpan.Zero, "DefaultTimeout must be above 0");
        Check(TimeoutMax >= DefaultTimeout, "TimeoutMax must be at least DefaultTimeout");
        Check(BodyTimeout > TimeSpan.Zero, "BodyTimeout must be above 0");
        Check(ConcurrentRequestsMax > 0, "ConcurrentRequestsMax must be above 0");
        Check(BodyBytesMax > 0, "BodyBytesMax must be above 0");
        Check(PagePairsMax > 0, "PagePairsMax must be above 0");
        Check(PagePairsDefault > 0 && PagePairsDefault <= PagePairsMax, "PagePairsDefault must be 1 to PagePairsMax");
        Check(PageBytesMax > 0, "PageBytesMax must be above 0");
        Check(EventClientsMax >= 0, "EventClientsMax must not be negative");
        Check(LiveClientsMax >= 0, "LiveClientsMax must not be negative");
        Check(EventSendTimeout > TimeSpan.Zero, "EventSendTimeout must be above 0");
        Check(PeerSecret is not "", "PeerSecret must not be empty");
        return problems;

        void Check(bool holds, string problem)
        {
            if (!holds) problems.Add(problem);
        }
    }
}
