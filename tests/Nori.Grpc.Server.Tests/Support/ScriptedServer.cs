using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Nori.Grpc.Server.Tests;

/// <summary>An HTTP/2 server that answers every call with what a test says, right or wrong.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ScriptedServer(WebApplication app, GrpcChannel channel)
    {
        _app = app;
        Channel = channel;
    }

    public GrpcChannel Channel { get; }

    public static async Task<ScriptedServer> StartAsync(Action<IApplicationBuilder> pipeline)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        var endpoint = new GrpcEndpointOptions();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            KestrelGrpc.ConfigureLimits(kestrel, endpoint);
            kestrel.Listen(IPAddress.Loopback, 0, listen => KestrelGrpc.ConfigureEndpoint(listen, endpoint));
        });
        WebApplication app = builder.Build();
        pipeline(app);
        await app.StartAsync();
        return new ScriptedServer(app, GrpcChannel.ForAddress(app.Urls.Single()));
    }

    public static Task<ScriptedServer> StartAsync(RequestDelegate answer) => StartAsync(app => app.Run(answer));

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _app.DisposeAsync();
    }
}
