using System.Net;

namespace Nori.Grpc.Server.Tests;

/// <summary>An echo server on a free loopback port and a channel to it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private TestServer(GrpcServer server, EchoService echo, GrpcChannel channel)
    {
        Server = server;
        Echo = echo;
        Channel = channel;
    }

    public GrpcServer Server { get; }

    public EchoService Echo { get; }

    public GrpcChannel Channel { get; }

    public int Port => Server.EndPoints[0].Port;

    public static async Task<TestServer> StartAsync(
        GrpcServerOptions? options = null,
        GrpcEndpointOptions? endpoint = null,
        IEnumerable<GrpcServiceDefinition>? more = null)
    {
        var echo = new EchoService();
        GrpcServer server = await GrpcServer.StartAsync(
            [echo.Definition, .. more ?? []], new IPEndPoint(IPAddress.Loopback, 0), options, endpoint);
        return new TestServer(server, echo, GrpcChannel.ForAddress($"127.0.0.1:{server.EndPoints[0].Port}"));
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await Server.DisposeAsync();
    }
}
