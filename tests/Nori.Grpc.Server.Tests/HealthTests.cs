using Nori.Grpc.Server.Proto.Health;
using Status = Nori.Grpc.Server.Proto.Health.HealthCheckResponse.Types.ServingStatus;

namespace Nori.Grpc.Server.Tests;

public sealed class HealthTests
{
    private static readonly GrpcMethod<HealthCheckRequest, HealthCheckResponse> Check =
        Method(GrpcMethodKind.Unary, "Check");
    private static readonly GrpcMethod<HealthCheckRequest, HealthCheckResponse> Watch =
        Method(GrpcMethodKind.ServerStreaming, "Watch");

    [Fact]
    public async Task The_server_serves_until_it_is_set_otherwise()
    {
        var health = new HealthService();
        await using TestServer server = await TestServer.StartAsync(more: [health.Definition]);
        Assert.Equal(Status.Serving, (await server.Channel.UnaryAsync(Check, new HealthCheckRequest())).Status);
        health.SetStatus("", HealthStatus.NotServing);
        Assert.Equal(Status.NotServing, (await server.Channel.UnaryAsync(Check, new HealthCheckRequest())).Status);
    }

    [Fact]
    public async Task A_service_that_was_never_set_is_not_found()
    {
        var health = new HealthService();
        health.SetStatus("norikv.v1.Kv", HealthStatus.Serving);
        await using TestServer server = await TestServer.StartAsync(more: [health.Definition]);
        var known = new HealthCheckRequest { Service = "norikv.v1.Kv" };
        Assert.Equal(Status.Serving, (await server.Channel.UnaryAsync(Check, known)).Status);
        var e = await Assert.ThrowsAsync<GrpcException>(
            () => server.Channel.UnaryAsync(Check, new HealthCheckRequest { Service = "other" }));
        Assert.Equal(GrpcStatusCode.NotFound, e.Code);
    }

    [Fact]
    public async Task A_watch_tells_the_status_and_each_change()
    {
        var health = new HealthService();
        await using TestServer server = await TestServer.StartAsync(more: [health.Definition]);
        await using var watch = server.Channel
            .ServerStreaming(Watch, new HealthCheckRequest { Service = "kv" }).GetAsyncEnumerator();
        foreach (HealthStatus status in new[]
        {
            HealthStatus.ServiceUnknown, HealthStatus.Serving, HealthStatus.NotServing, HealthStatus.Serving,
        })
        {
            if (status != HealthStatus.ServiceUnknown) health.SetStatus("kv", status);
            health.SetStatus("another", status);
            Assert.True(await watch.MoveNextAsync());
            Assert.Equal((int)status, (int)watch.Current.Status);
        }
    }

    [Fact]
    public async Task A_watch_ends_with_unavailable_when_the_server_stops()
    {
        await using TestServer server = await TestServer.StartAsync(more: [new HealthService().Definition]);
        await using var watch = server.Channel.ServerStreaming(Watch, new HealthCheckRequest()).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync());
        await server.Server.StopAsync();
        var e = await Assert.ThrowsAsync<GrpcException>(async () => await watch.MoveNextAsync());
        Assert.Equal(GrpcStatusCode.Unavailable, e.Code);
    }

    private static GrpcMethod<HealthCheckRequest, HealthCheckResponse> Method(GrpcMethodKind kind, string name) => new(
        kind,
        "grpc.health.v1.Health",
        name,
        ProtobufMarshaller.For(HealthCheckRequest.Parser),
        ProtobufMarshaller.For(HealthCheckResponse.Parser));
}
