using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace NoriKV.Transport.Http;

/// <summary>What the HTTP endpoint accepts. Every bound on connections is here.</summary>
public sealed record HttpEndpointOptions
{
    /// <summary>Certificate and client-certificate rules; null for plaintext.</summary>
    public HttpsConnectionAdapterOptions? Tls { get; init; }

    /// <summary>Put around each connection before TLS: to count what goes through it, for example. Null for nothing.</summary>
    public Func<ConnectionDelegate, ConnectionDelegate>? Around { get; init; }

    /// <summary>Connections open at once; a further one is closed at once. Default 4,096.</summary>
    public int ConnectionsMax { get; init; } = 4096;

    /// <summary>
    /// Bytes of a request line: a key of 1 KiB is 3 KiB when every byte is escaped. Default 32 KiB.
    /// </summary>
    public int RequestLineBytesMax { get; init; } = 32 << 10;

    /// <summary>Bytes of all headers of a request. Default 32 KiB.</summary>
    public int HeaderBytesMax { get; init; } = 32 << 10;

    /// <summary>Time in which a request's line and headers must have arrived. Default 10 s.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time a connection without requests is kept. Default 130 s.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(130);
}
