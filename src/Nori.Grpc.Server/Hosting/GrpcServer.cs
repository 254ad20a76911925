using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Nori.Grpc.Server;

/// <summary>A gRPC server on a Kestrel of its own: no host, no configuration files, no middleware.</summary>
public sealed class GrpcServer : IAsyncDisposable
{
    private readonly IServer _kestrel;
    private readonly WebApplication _app;
    private int _disposed;

    private GrpcServer(IServer kestrel, WebApplication app, GrpcDispatcher dispatcher)
    {
        _kestrel = kestrel;
        _app = app;
        Dispatcher = dispatcher;
    }

    /// <summary>The addresses listened on, with the ports chosen where 0 was asked for.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints { get; private set; } = [];

    /// <summary>What runs the calls.</summary>
    public GrpcDispatcher Dispatcher { get; }

    /// <summary>Starts listening.</summary>
    /// <param name="services">The services to serve.</param>
    /// <param name="listen">Address and port; port 0 takes a free one.</param>
    /// <param name="options">Bounds and hooks of calls.</param>
    /// <param name="endpoint">TLS and bounds of connections.</param>
    /// <param name="logging">Where Kestrel logs. Null: nowhere.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <exception cref="IOException">The address is taken or not of this machine.</exception>
    public static async Task<GrpcServer> StartAsync(
        IEnumerable<GrpcServiceDefinition> services,
        IPEndPoint listen,
        GrpcServerOptions? options = null,
        GrpcEndpointOptions? endpoint = null,
        ILoggerFactory? logging = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(listen);
        endpoint ??= new GrpcEndpointOptions();
        var dispatcher = new GrpcDispatcher(services, options) { Lines = new FrameLines() };
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logging ?? NullLoggerFactory.Instance);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            KestrelGrpc.ConfigureLimits(kestrel, endpoint);
            kestrel.Listen(listen, o => KestrelGrpc.ConfigureEndpoint(o, endpoint, dispatcher.Lines));
        });
        // The builder only puts Kestrel together; the application it makes is never run.
        WebApplication app = builder.Build();
        IServer kestrel = app.Services.GetRequiredService<IServer>();
        var server = new GrpcServer(kestrel, app, dispatcher);
        try
        {
            await kestrel.StartAsync(new GrpcHttpApplication(dispatcher), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        server.EndPoints = [.. kestrel.Features.Get<IServerAddressesFeature>()!.Addresses.Select(ParseAddress)];
        return server;
    }

    /// <summary>
    /// Stops: takes no new connections or calls, tells long streams, and waits for running calls until the
    /// token is cancelled; then what still runs is reset.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        Dispatcher.BeginStop();
        await _kestrel.StopAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stops without waiting for running calls.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        Dispatcher.Dispose();
    }

    private static IPEndPoint ParseAddress(string address)
    {
        var uri = new Uri(address);
        return new IPEndPoint(IPAddress.Parse(uri.Host.Trim('[', ']')), uri.Port);
    }
}
