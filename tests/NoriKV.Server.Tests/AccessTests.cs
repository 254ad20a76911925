using System.Net;
using System.Net.Sockets;
using Nori.Grpc;
using NoriKV.Node;
using NoriKV.Proto.V1;

namespace NoriKV.Server.Tests;

/// <summary>Who may do what.</summary>
public sealed class AccessTests
{
    [Fact]
    public async Task Admin_answers_loopback_and_strangers_only_with_the_secret_or_when_insecure()
    {
        IPAddress? own = (await Dns.GetHostAddressesAsync(Dns.GetHostName()))
            .FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        if (own is null) Assert.Skip("this machine has no address but loopback to be a stranger from");
        await using TestServer server = await TestServer.StartFakeAsync(
            change: static o => o with { RpcAddress = new HostPort("0.0.0.0", 0), PeerSecret = "0123456789" });
        await server.Rpc.UnaryAsync(Wire.Snapshot, new ShardInfo());
        using GrpcChannel stranger = GrpcChannel.ForAddress($"http://{own}:{server.Server.RpcEndPoint.Port}");
        await stranger.UnaryAsync(Wire.Put, WireFramingTests.Put("a", "1"));
        GrpcException closed = await Wire.FailsAsync(stranger.UnaryAsync(Wire.Snapshot, new ShardInfo()));
        Assert.Equal(GrpcStatusCode.PermissionDenied, closed.Code);
        await stranger.UnaryAsync(Wire.Snapshot, new ShardInfo(), WithSecret("0123456789"));
        await Wire.FailsAsync(stranger.UnaryAsync(Wire.Snapshot, new ShardInfo(), WithSecret("guess")));
        await using TestServer open = await TestServer.StartFakeAsync(
            change: static o => o with { RpcAddress = new HostPort("0.0.0.0", 0), Insecure = true });
        using GrpcChannel anyone = GrpcChannel.ForAddress($"http://{own}:{open.Server.RpcEndPoint.Port}");
        await anyone.UnaryAsync(Wire.Snapshot, new ShardInfo());
    }

    [Fact]
    public async Task The_authorizer_is_asked_on_every_rpc_and_route()
    {
        var asked = new Recorder();
        await using TestServer server = await TestServer.StartFakeAsync(parts: p => p with { Authorizer = asked });
        async Task DeniedAsync<T>(Task<T> call) =>
            Assert.Equal(GrpcStatusCode.PermissionDenied, (await Wire.FailsAsync(call)).Code);

        await DeniedAsync(server.PutAsync("a", "1"));
        await DeniedAsync(server.GetAsync("a"));
        await DeniedAsync(server.Rpc.UnaryAsync(Wire.Delete, new DeleteRequest { Key = Wire.Bytes("a") }));
        await DeniedAsync(server.Rpc.UnaryAsync(Wire.Batch, new BatchRequest
        {
            Operations = { new BatchOperation { Put = WireFramingTests.Put("a", "1") } },
        }));
        await DeniedAsync(server.Rpc.UnaryAsync(Wire.Snapshot, new ShardInfo()));
        await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            await foreach (ScanResponse _ in server.Rpc.ServerStreaming(Wire.Scan, new ScanRequest()))
            {
            }
        });
        await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            await foreach (ClusterView _ in server.Rpc.ServerStreaming(Wire.Watch, new ClusterView()))
            {
            }
        });
        foreach (string route in new[] { "/kv/a", "/kv?prefix=a", "/metrics", "/meta/cluster", "/events", "/" })
            Assert.Equal(HttpStatusCode.Forbidden, (await server.Http.GetAsync(route)).StatusCode);
        HttpResponseMessage put = await server.Http.PutAsync("/kv/a", new StringContent("1"));
        Assert.Equal(HttpStatusCode.Forbidden, put.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await server.Http.DeleteAsync("/kv/a")).StatusCode);

        // Probes carry no data, and an orchestrator has no principal.
        foreach (string route in new[] { "/health", "/health/quick", "/healthz", "/readyz" })
            Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync(route)).StatusCode);
        Assert.Equal(
            Enum.GetValues<AccessAction>().Except([AccessAction.Peer]).Order(), asked.Actions.Distinct().Order());
    }

    private static GrpcCallOptions WithSecret(string secret) =>
        new() { Headers = new Metadata { { "norikv-peer-secret", secret } } };

    private sealed class Recorder : IAuthorizer
    {
        private readonly Lock _lock = new();
        private readonly List<AccessAction> _actions = [];

        public IReadOnlyList<AccessAction> Actions
        {
            get
            {
                lock (_lock) return [.. _actions];
            }
        }

        public bool IsAllowed(in AccessRequest request)
        {
            lock (_lock) _actions.Add(request.Action);
            return false;
        }
    }
}
