using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Nori.Grpc.Server;

/// <summary>Sets Kestrel up for gRPC: its defaults are those of web pages.</summary>
public static class KestrelGrpc
{
    /// <summary>
    /// Sets the limits of a Kestrel server. They hold for all its endpoints, so a server that also speaks
    /// HTTP/1.1 to the world is better a second one with the defaults.
    /// </summary>
    public static void ConfigureLimits(KestrelServerOptions kestrel, GrpcEndpointOptions options)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        ArgumentNullException.ThrowIfNull(options);
        ThrowIfInvalid(options);
        kestrel.AddServerHeader = false;
        KestrelServerLimits limits = kestrel.Limits;

        // A stream's body has no size and no rate: GrpcServerOptions bounds messages in size and time
        // instead.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        // Clients keep connections without calls; pings find the dead ones.
        limits.KeepAliveTimeout = Timeout.InfiniteTimeSpan;
        limits.MaxRequestHeadersTotalSize = options.MaxHeaderBytes;

        Http2Limits http2 = limits.Http2;
        http2.MaxStreamsPerConnection = options.MaxStreamsPerConnection;
        http2.InitialStreamWindowSize = options.StreamWindowBytes;
        http2.InitialConnectionWindowSize = options.ConnectionWindowBytes;
        http2.MaxRequestHeaderFieldSize = options.MaxHeaderBytes;
        http2.KeepAlivePingDelay =
            options.KeepAlivePingDelay == Timeout.InfiniteTimeSpan ? TimeSpan.MaxValue : options.KeepAlivePingDelay;
        http2.KeepAlivePingTimeout = options.KeepAlivePingTimeout;
    }

    /// <summary>
    /// Makes an endpoint speak HTTP/2 only, with TLS where given, and bounds its connections.
    /// </summary>
    public static void ConfigureEndpoint(ListenOptions listen, GrpcEndpointOptions options)
    {
        ArgumentNullException.ThrowIfNull(listen);
        ArgumentNullException.ThrowIfNull(options);
        ThrowIfInvalid(options);
        var guard = new ConnectionGuard(options);
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(guard.Admit);
        if (options.Tls is { } tls)
        {
            tls.HandshakeTimeout = options.PrefaceTimeout;
            listen.UseHttps(tls);
        }

        listen.Use(guard.AwaitPreface);
    }

    private static void ThrowIfInvalid(GrpcEndpointOptions options)
    {
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join(' ', problems), nameof(options));
    }
}
