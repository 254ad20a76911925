using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.WebSockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace NoriKV.Transport.Http;

/// <summary>The façade on a Kestrel of its own: no host, no middleware but WebSockets.</summary>
public sealed class HttpFacadeServer : IAsyncDisposable
{
    private readonly IServer _kestrel;
    private readonly WebApplication _application;
    private int _disposed;

    private HttpFacadeServer(IServer kestrel, WebApplication application) =>
        (_kestrel, _application) = (kestrel, application);

    /// <summary>The address listened on, with the port chosen where 0 was asked for.</summary>
    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.None, 0);

    /// <summary>Starts listening.</summary>
    /// <exception cref="IOException">The address is taken or not of this machine.</exception>
    public static async Task<HttpFacadeServer> StartAsync(
        HttpFacade facade, IPEndPoint listen, HttpEndpointOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new HttpEndpointOptions();
        ILoggerFactory logging = NullLoggerFactory.Instance;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logging);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrelOptions =>
        {
            kestrelOptions.AddServerHeader = false;
            ConfigureLimits(kestrelOptions.Limits, options);
            kestrelOptions.Listen(listen, endpoint =>
            {
                endpoint.Protocols = options.Tls is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
                if (options.Around is { } around) endpoint.Use(around);
                if (options.Tls is { } tls) endpoint.UseHttps(tls);
            });
        });

        // The builder only puts Kestrel together; the application it makes is never run.
        WebApplication application = builder.Build();
        IServer kestrel = application.Services.GetRequiredService<IServer>();
        var server = new HttpFacadeServer(kestrel, application);
        var sockets = new WebSocketMiddleware(facade.InvokeAsync, Options.Create(new WebSocketOptions()), logging);
        try
        {
            await kestrel.StartAsync(new Application(sockets.Invoke), cancellationToken)
                .ConfigureAwait(false);
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        var uri = new Uri(kestrel.Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        server.EndPoint = new IPEndPoint(IPAddress.Parse(uri.Host.Trim('[', ']')), uri.Port);
        return server;
    }

    /// <summary>
    /// Takes no new connections and waits for running requests until the token is cancelled.
    /// </summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => _kestrel.StopAsync(cancellationToken);

    /// <summary>Stops without waiting for running requests.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }

    private static void ConfigureLimits(KestrelServerLimits limits, HttpEndpointOptions options)
    {
        limits.MaxConcurrentConnections = options.ConnectionsMax;
        limits.MaxConcurrentUpgradedConnections = options.ConnectionsMax;
        limits.MaxRequestLineSize = options.RequestLineBytesMax;
        limits.MaxRequestHeadersTotalSize = options.HeaderBytesMax;
        limits.MaxRequestBufferSize = Math.Max(1 << 20, options.RequestLineBytesMax);
        limits.RequestHeadersTimeout = options.HeadersTimeout;
        limits.KeepAliveTimeout = options.KeepAliveTimeout;

        // Bodies are bounded in size, time and memory by BodyReader, answers in time by HttpAnswers: their
        // errors have bodies of our own, and an idle event stream is not a slow one.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
    }

    private sealed class Application(RequestDelegate pipeline) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public Task ProcessRequestAsync(HttpContext context) => pipeline(context);

        public void DisposeContext(HttpContext context, Exception? exception)
        {
        }
    }
}
