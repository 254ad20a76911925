using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Nori.Grpc.Server;

/// <summary>Sets Kestrel up for gRPC: its defaults are those of web pages.</summary>
public static class KestrelGrpc
{
    // Not infinite: Kestrel adds that to the clock, which overflows into the past, and the next second's tick then ends every
    // connection without calls.
    private static readonly TimeSpan IdleForEver = TimeSpan.FromDays(365);

    /// <summary>Calls refused as too many on one connection within five seconds before it is closed.</summary>
    private const int EnhanceYourCalmMax = 100_000;

    /// <summary>
    /// Sets the limits of a Kestrel server. They hold for all its endpoints, so a server that also speaks
    /// HTTP/1.1 to the world is better a second one with the defaults.
    /// </summary>
    public static void ConfigureLimits(KestrelServerOptions kestrel, GrpcEndpointOptions options)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        ArgumentNullException.ThrowIfNull(options);
        ThrowIfInvalid(options);
        BearCancellations();
        kestrel.AddServerHeader = false;
        KestrelServerLimits limits = kestrel.Limits;

        // A stream's body has no size and no rate: GrpcServerOptions bounds messages in size and time
        // instead.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        // Clients keep connections without calls; pings find the dead ones.
        limits.KeepAliveTimeout = IdleForEver;
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
    public static void ConfigureEndpoint(ListenOptions listen, GrpcEndpointOptions options) =>
        ConfigureEndpoint(listen, options, null);

    internal static void ConfigureEndpoint(ListenOptions listen, GrpcEndpointOptions options, FrameLines? lines)
    {
        ArgumentNullException.ThrowIfNull(listen);
        ArgumentNullException.ThrowIfNull(options);
        ThrowIfInvalid(options);
        var guard = new ConnectionGuard(options, lines);
        listen.Protocols = HttpProtocols.Http2;
        if (options.Around is { } around) listen.Use(around);
        listen.Use(guard.Admit);
        if (options.Tls is { } tls)
        {
            tls.HandshakeTimeout = options.PrefaceTimeout;
            listen.UseHttps(tls);
        }

        listen.Use(guard.AwaitPreface);
    }

    // A client that cancels and calls again faster than the cancelled calls end here is told to calm down, call by call.
    // Kestrel ends the whole connection at the twentieth time, and with it every innocent call on it: a caller with
    // short deadlines under load gets there. What a refused call costs is one frame, so many may be borne.
    private static void BearCancellations()
    {
        const string limit = "Microsoft.AspNetCore.Server.Kestrel.Http2.MaxEnhanceYourCalmCount";
        if (AppContext.GetData(limit) is null) AppContext.SetData(limit, EnhanceYourCalmMax);
    }

    private static void ThrowIfInvalid(GrpcEndpointOptions options)
    {
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join(' ', problems), nameof(options));
    }
}
