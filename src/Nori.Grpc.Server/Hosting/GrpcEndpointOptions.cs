using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Nori.Grpc.Server;

/// <summary>What an endpoint accepts. Every bound on connections is here.</summary>
public sealed record GrpcEndpointOptions
{
    // Behaviour.

    /// <summary>
    /// Certificate and client-certificate rules. Null: plaintext HTTP/2 with prior knowledge.
    /// </summary>
    public HttpsConnectionAdapterOptions? Tls { get; init; }

    /// <summary>A silent connection is pinged after this time. Infinite: never.</summary>
    /// <value>Default: 60 s.</value>
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A connection that does not answer a ping for this long is closed.</summary>
    /// <value>Default: 20 s.</value>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    // Bounds.

    /// <summary>Connections open at once; a further one is closed at once.</summary>
    /// <value>Default: 4,096.</value>
    public int MaxConnections { get; init; } = 4096;

    /// <summary>
    /// Connections that have not yet sent the HTTP/2 preface; when a further one comes, the oldest of them is
    /// closed.
    /// </summary>
    /// <value>Default: 1,024.</value>
    public int MaxHalfOpenConnections { get; init; } = 1024;

    /// <summary>
    /// How long a connection may take for the TLS handshake, and again for the HTTP/2 preface.
    /// </summary>
    /// <value>Default: 10 s.</value>
    public TimeSpan PrefaceTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Put around each connection before TLS and everything else: to count what goes through it, for example. Null for nothing.
    /// </summary>
    public Func<ConnectionDelegate, ConnectionDelegate>? Around { get; init; }

    /// <summary>Calls that run at once on one connection.</summary>
    /// <value>Default: 1,024.</value>
    public int MaxStreamsPerConnection { get; init; } = 1024;

    /// <summary>Bytes a client may send on one call before they are read.</summary>
    /// <value>Default: 1 MiB.</value>
    public int StreamWindowBytes { get; init; } = 1024 * 1024;

    /// <summary>Bytes a client may send on one connection before they are read.</summary>
    /// <value>Default: 4 MiB.</value>
    public int ConnectionWindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Bytes of the headers of one call.</summary>
    /// <value>Default: 32 KiB.</value>
    public int MaxHeaderBytes { get; init; } = 32 * 1024;

    /// <summary>Every problem with these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (MaxConnections <= 0) problems.Add($"{nameof(MaxConnections)} must be positive.");
        if (MaxHalfOpenConnections <= 0) problems.Add($"{nameof(MaxHalfOpenConnections)} must be positive.");
        if (PrefaceTimeout <= TimeSpan.Zero) problems.Add($"{nameof(PrefaceTimeout)} must be positive.");
        if (MaxStreamsPerConnection <= 0) problems.Add($"{nameof(MaxStreamsPerConnection)} must be positive.");
        if (StreamWindowBytes < 65_535) problems.Add($"{nameof(StreamWindowBytes)} must be at least 64 KiB.");
        if (ConnectionWindowBytes < 65_535) problems.Add($"{nameof(ConnectionWindowBytes)} must be at least 64 KiB.");
        if (MaxHeaderBytes < 1024) problems.Add($"{nameof(MaxHeaderBytes)} must be at least 1 KiB.");
        if (KeepAlivePingDelay != Timeout.InfiniteTimeSpan && KeepAlivePingDelay < TimeSpan.FromSeconds(1))
            problems.Add($"{nameof(KeepAlivePingDelay)} must be at least 1 s.");
        if (KeepAlivePingTimeout < TimeSpan.FromSeconds(1))
            problems.Add($"{nameof(KeepAlivePingTimeout)} must be at least 1 s.");
        return problems;
    }
}
