using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Nori.Grpc;
using Nori.Grpc.Server;
using Nori.Observe;
using NoriKV.Node;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server.Tests;

/// <summary>
/// Every RPC and every route with who may call it. Whoever adds one must say it here: what stands in no list fails.
/// </summary>
public sealed class AccessTableTests
{
    // Closed to strangers: only loopback, a client certificate or the secret.
    private static readonly Dictionary<string, AccessAction> Closed = new(StringComparer.Ordinal)
    {
        ["/norikv.v1.Admin/TransferShard"] = AccessAction.Administer,
        ["/norikv.v1.Admin/SnapshotShard"] = AccessAction.Administer,
        ["/norikv.v1.Admin/GetClusterStatus"] = AccessAction.Administer,
        ["/norikv.v1.Admin/DrainNode"] = AccessAction.Administer,
        ["/norikv.v1.Admin/UndrainNode"] = AccessAction.Administer,
        ["/norikv.v1.Admin/DecommissionNode"] = AccessAction.Administer,
        ["/norikv.v1.Admin/ReplaceNode"] = AccessAction.Administer,
        ["/norikv.v1.Admin/MoveLeader"] = AccessAction.Administer,
        ["/norikv.v1.Admin/MoveReplica"] = AccessAction.Administer,
        ["/norikv.v1.Admin/Diagnose"] = AccessAction.Administer,
        ["/norikv.v1.Raft/Stream"] = AccessAction.Peer,
        ["/norikv.v1.Raft/Identify"] = AccessAction.Peer,
        ["/norikv.v1.Raft/Form"] = AccessAction.Peer,
        ["/norikv.v1.Raft/Join"] = AccessAction.Peer,
        ["/norikv.v1.Swim/Exchange"] = AccessAction.Peer,
    };

    // Its envelopes prove their sender themselves: one that cannot be opened is refused whoever sends it.
    private const string Sealed = "/norikv.v1.Swim/Exchange";

    // Open to anyone whom the authorizer lets: keys are judged once they are known, the rest is to observe.
    private static readonly string[] Open =
    [
        "/norikv.v1.Kv/Put", "/norikv.v1.Kv/Get", "/norikv.v1.Kv/Delete", "/norikv.v1.Kv/Batch", "/norikv.v1.Kv/Scan",
        "/norikv.v1.Kv/Stream", "/norikv.v1.Meta/WatchCluster", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ];

    // Reading routes; what changes something is PUT /log and PUT /slow.
    private static readonly string[] ReadRoutes =
    [
        "/", "/doctor", "/events", "/health", "/health/quick", "/healthz", "/index.html", "/kv", "/live", "/log", "/meta/cluster",
        "/metrics", "/readyz", "/slow",
    ];

    [Fact]
    public void Every_rpc_stands_in_one_of_the_lists() => Assert.Equal(
        Closed.Keys.Concat(Open).Order(StringComparer.Ordinal), Served().Order(StringComparer.Ordinal));

    [Fact]
    public void Every_route_stands_in_the_list() => Assert.Equal(ReadRoutes, Routes().Order(StringComparer.Ordinal));

    [Fact]
    public async Task A_stranger_is_refused_at_every_closed_rpc_and_at_no_open_one()
    {
        IPAddress own = await OwnAddressAsync();
        await using TestServer server = await TestServer.StartAsync(
            static o => o with { RpcAddress = new HostPort("0.0.0.0", 0), SwimEnabled = true });
        using GrpcChannel stranger = GrpcChannel.ForAddress($"http://{own}:{server.Server.RpcEndPoint.Port}");
        using GrpcChannel local = GrpcChannel.ForAddress($"http://127.0.0.1:{server.Server.RpcEndPoint.Port}");
        foreach (string path in Closed.Keys)
        {
            Assert.True(await StatusAsync(stranger, path) == GrpcStatusCode.PermissionDenied, path);
            if (path != Sealed) Assert.True(await StatusAsync(local, path) != GrpcStatusCode.PermissionDenied, path);
        }

        foreach (string path in Open) Assert.True(await StatusAsync(stranger, path) != GrpcStatusCode.PermissionDenied, path);
    }

    [Fact]
    public async Task The_secret_or_insecure_opens_them_and_a_wrong_secret_does_not()
    {
        IPAddress own = await OwnAddressAsync();
        await using TestServer secret = await TestServer.StartAsync(
            static o => o with { RpcAddress = new HostPort("0.0.0.0", 0), PeerSecret = "0123456789", SwimEnabled = true });
        using GrpcChannel stranger = GrpcChannel.ForAddress($"http://{own}:{secret.Server.RpcEndPoint.Port}");
        await using TestServer insecure = await TestServer.StartAsync(
            static o => o with { RpcAddress = new HostPort("0.0.0.0", 0), Insecure = true, SwimEnabled = true });
        using GrpcChannel anyone = GrpcChannel.ForAddress($"http://{own}:{insecure.Server.RpcEndPoint.Port}");
        foreach (string path in Closed.Keys)
        {
            Assert.True(await StatusAsync(stranger, path) == GrpcStatusCode.PermissionDenied, path);
            Assert.True(await StatusAsync(stranger, path, "0123456780") == GrpcStatusCode.PermissionDenied, path);
            if (path == Sealed) continue;
            Assert.True(await StatusAsync(stranger, path, "0123456789") != GrpcStatusCode.PermissionDenied, path);
            Assert.True(await StatusAsync(anyone, path) != GrpcStatusCode.PermissionDenied, path);
        }
    }

    [Fact]
    public async Task Each_closed_rpc_asks_the_authorizer_for_its_action()
    {
        var asked = new Asked();
        await using TestServer server = await TestServer.StartFakeAsync(
            change: static o => o with { SwimEnabled = true }, parts: p => p with { Authorizer = asked });
        foreach ((string path, AccessAction action) in Closed)
        {
            asked.Last = null;
            Assert.True(await StatusAsync(server.Rpc, path) == GrpcStatusCode.PermissionDenied, path);
            Assert.True(asked.Last == action, path);
        }
    }

    [Fact]
    public async Task What_operators_change_over_http_is_closed_to_strangers_too()
    {
        IPAddress own = await OwnAddressAsync();
        await using TestServer server = await TestServer.StartAsync(
            static o => o with { HttpAddress = new HostPort("0.0.0.0", 0), PeerSecret = "0123456789" });
        using var stranger = new HttpClient { BaseAddress = new Uri($"http://{own}:{server.Server.HttpEndPoint.Port}") };
        foreach (string change in new[] { "/log?component=raft&level=debug", "/slow?threshold_ms=100" })
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await stranger.PutAsync(change, null)).StatusCode);
            Assert.Equal(HttpStatusCode.Forbidden, (await PutWithAsync(stranger, change, "guess")).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await PutWithAsync(stranger, change, "0123456789")).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await server.Http.PutAsync(change, null)).StatusCode);
        }

        foreach (string route in ReadRoutes.Where(static r => r is not ("/kv" or "/events" or "/live")))
            Assert.True((await stranger.GetAsync(route)).IsSuccessStatusCode, route);
        foreach (string route in ReadRoutes.Where(static r => r is not ("/kv" or "/log" or "/slow")))
            Assert.True((await stranger.PutAsync(route, null)).StatusCode == HttpStatusCode.MethodNotAllowed, route);
    }

    private static async Task<HttpResponseMessage> PutWithAsync(HttpClient client, string route, string secret)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, route) { Headers = { { "norikv-peer-secret", secret } } };
        return await client.SendAsync(request);
    }

    // Any method can be asked with one empty message: who may is judged before anything is read.
    private static async Task<GrpcStatusCode> StatusAsync(GrpcChannel channel, string path, string? secret = null)
    {
        string[] parts = path.Split('/');
        var method = new GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(
            GrpcMethodKind.ServerStreaming, parts[1], parts[2], Marshallers.Bytes, Marshallers.Bytes);
        using var enough = new CancellationTokenSource();
        try
        {
            GrpcServerStreamingCall<ReadOnlyMemory<byte>> call = channel.ServerStreaming(method, default, new GrpcCallOptions
            {
                Timeout = TimeSpan.FromSeconds(60),
                Headers = secret is null ? null : new Metadata { { "norikv-peer-secret", secret } },
                CancellationToken = enough.Token,
            });
            await foreach (ReadOnlyMemory<byte> _ in call) break;
            return GrpcStatusCode.Ok;
        }
        catch (GrpcException ended)
        {
            return ended.Code;
        }
    }

    private static IEnumerable<string> Served()
    {
        var transport = new GrpcTransport(new GrpcTransportParts
        {
            Node = new FakeNode(),
            Peers = new PeerTransport(new PeerTransportOptions(), NullMeter.Instance),
            Swim = new GrpcSwimStream(new GrpcSwimStreamOptions()),
        });
        const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        PropertyInfo methods = typeof(GrpcServiceDefinition).GetProperty("Methods", Any)!;
        foreach (GrpcServiceDefinition service in transport.Services)
        {
            foreach (object method in (System.Collections.IEnumerable)methods.GetValue(service)!)
                yield return (string)method.GetType().GetProperty("Path", Any)!.GetValue(method)!;
        }
    }

    // The router is one switch over paths.
    private static IEnumerable<string> Routes([CallerFilePath] string here = "")
    {
        string source = File.ReadAllText(Path.GetFullPath(Path.Combine(
            Path.GetDirectoryName(here)!, "..", "..", "src", "NoriKV.Transport.Http", "HttpFacade.cs")));
        return Regex.Matches(source, "case (\"[^:]+):").SelectMany(static c => Regex.Matches(c.Groups[1].Value, "\"([^\"]+)\""))
            .Select(static m => m.Groups[1].Value)
            .Append("/kv");
    }

    private static async Task<IPAddress> OwnAddressAsync()
    {
        IPAddress? own = (await Dns.GetHostAddressesAsync(Dns.GetHostName()))
            .FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        if (own is null) Assert.Skip("this machine has no address but loopback to be a stranger from");
        return own!;
    }

    private sealed class Asked : IAuthorizer
    {
        public AccessAction? Last { get; set; }

        public bool IsAllowed(in AccessRequest request)
        {
            Last = request.Action;
            return false;
        }
    }
}
