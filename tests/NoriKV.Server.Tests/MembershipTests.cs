using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Nori.Grpc;
using Nori.IO;
using Nori.Observe;
using Nori.Swim.Core;
using NoriKV.Node;
using NoriKV.Node.Formation;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>Servers as SWIM members: over real sockets of loopback, each alone in what it stores.</summary>
public sealed class MembershipTests
{
    private const string Secret = "a secret of the tests";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Two_servers_see_each_other_and_a_crash_is_reported_by_the_other()
    {
        await using TestServer a = await StartAsync("n1");
        await using TestServer b = await StartAsync("n2", seeds: [Seed(a)]);
        await UntilAsync(async () => await NodesAsync(a) == "n1 leader, n2 follower");
        await UntilAsync(async () => await NodesAsync(b) == "n2 leader, n1 follower");
        JsonElement view = await ViewAsync(a);
        Assert.Equal(
            b.Server.AdvertisedAddress.ToString(), view.GetProperty("nodes")[1].GetProperty("addr").GetString());
        ulong epoch = view.GetProperty("epoch").GetUInt64();
        // On a busy machine the other one may be suspected at the moment, and refute that.
        await UntilAsync(async () => (await a.Http.GetStringAsync("/metrics"))
            .Contains("norikv_swim_members{state=\"alive\"} 2", StringComparison.Ordinal));
        await b.PutAsync("a", "1");

        await b.Server.Membership!.Swim.DisposeAsync();
        await UntilAsync(async () => await NodesAsync(a) == "n1 leader, n2 unknown");
        Assert.True((await ViewAsync(a)).GetProperty("epoch").GetUInt64() > epoch);
        // It is counted behind the step in which it is told.
        string metrics = "";
        await UntilAsync(async () => Regex.IsMatch(
            metrics = await a.Http.GetStringAsync("/metrics"), "norikv_swim_failed_members_total [1-9]"));
        Assert.Contains("norikv_swim_members{state=\"failed\"} 1", metrics, StringComparison.Ordinal);
        // On a busy machine it may have been suspected before, and have refuted that.
        List<string> events = SwimEvents(a);
        Assert.Equal("Alive n2", events[0]);
        Assert.Equal(["Suspect n2", "Confirm n2"], events[^2..]);

        // It is a hint: the node that lost its membership serves on, and so does the other.
        Assert.Equal("1", (await b.GetAsync("a")).Value.ToStringUtf8());
        await a.PutAsync("b", "2");
    }

    [Fact]
    public async Task A_server_that_stops_says_good_bye_and_nobody_suspects_it()
    {
        await using TestServer a = await StartAsync("n1", Unhurried);
        TestServer b = await StartAsync("n2", Unhurried, [Seed(a)]);
        await UntilAsync(async () => await NodesAsync(a) == "n1 leader, n2 follower");
        await b.DisposeAsync();
        await UntilAsync(async () => await NodesAsync(a) == "n1 leader");
        List<string> events = SwimEvents(a);
        Assert.Equal(("Alive n2", "Leave n2"), (events[0], events[^1]));
        Assert.DoesNotContain("Confirm n2", events);
        Assert.Equal(0, a.Server.Membership!.Swim.Counts.FailedMembers);

        await using TestServer again = await StartAsync("n2", seeds: [Seed(a)]);
        await UntilAsync(async () => await NodesAsync(a) == "n1 leader, n2 follower");
        Assert.True(a.Server.Membership.Swim.Members.Single(m => m.Id.Value == "n2").Incarnation > 0);

        // As by default: a machine that stands still for a second makes nobody dead.
        static ServerOptions Unhurried(ServerOptions o) => o with
        {
            SwimProbeInterval = TimeSpan.FromSeconds(1), SwimProbeTimeout = TimeSpan.FromMilliseconds(500),
        };
    }

    // The seed is a name, is not there at first, and comes back under the same name.
    [Fact]
    public async Task A_seed_that_is_not_there_yet_is_tried_again()
    {
        int port = FreePort.Next();
        await using TestServer b = await StartAsync("n2", seeds: [new HostPort("localhost", port)]);
        await LoggedAsync(b, "no seed answers");
        await using TestServer a = await StartAsync("n1", o => o with { RpcAddress = new HostPort("127.0.0.1", port) });
        await UntilAsync(async () => await NodesAsync(a) == "n1 leader, n2 follower");
        await UntilAsync(async () => await NodesAsync(b) == "n2 leader, n1 follower");
    }

    // It is written when the node is found elsewhere than where it was registered, and says that the cluster is this node alone.
    [Fact]
    public async Task A_server_alone_with_a_record_of_itself_shows_the_others()
    {
        await using TestServer a = await StartAsync("n1");
        var files = new MemoryFileSystem();
        await using (TestServer alone = await TestServer.StartAsync(
            static o => o with { NodeId = "n2" }, p => p with { FileSystem = files }))
        {
            await UntilAsync(() => Task.FromResult(files.FileExists("/data/registry")));
            var node = (NoriNode)alone.Server.Node;
            new ClusterRecord
            {
                ClusterId = node.ClusterId,
                Self = node.Number,
                Settings = new FormationSettings(16, HashTags: false, ReplicationFactor: 3),
                Nodes = [new PlannedNode(node.Number, "n2", "127.0.0.1:1") { StoreUuid = node.StoreUuid }],
            }.Save(files, "/data");
        }

        await using TestServer b = await StartAsync("n2", seeds: [Seed(a)], files: files);
        await UntilAsync(async () => await NodesAsync(a) == "n1 leader, n2 follower");
        await UntilAsync(async () => await NodesAsync(b) == "n2 leader, n1 follower");
        await UntilAsync(async () => await IssuedEpochAsync(b) > 0);
        await UntilAsync(async () => await NodesAsync(b) == "n2 leader, n1 follower");
    }

    [Theory]
    [InlineData("n2", "another secret", "norikv")]
    [InlineData("n2", null, "norikv")]
    [InlineData("n2", Secret, "another-cluster")]
    public async Task A_server_with_another_secret_or_cluster_stays_alone(string id, string? secret, string cluster)
    {
        await using TestServer a = await StartAsync("n1");
        await using TestServer b = await StartAsync(id, o => o with { PeerSecret = secret, ClusterName = cluster }, [Seed(a)]);
        await LoggedAsync(b, "no seed answers");
        SwimCounts counts = a.Server.Membership!.Swim.Counts;
        await UntilAsync(() => Task.FromResult(
            a.Server.Membership.Swim.DroppedEnvelopes + counts.Dropped(Nori.Swim.Core.Wire.MessageDrop.ForeignCluster) > 0));
        Assert.Equal("n1 leader", await NodesAsync(a));
        Assert.Equal($"{id} leader", await NodesAsync(b));
        Assert.Contains("reason=\"" + (cluster == "norikv" ? "un" : "foreigncluster"), await DropsAsync(a), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_seeds_or_where_it_is_switched_off_there_is_no_udp_socket()
    {
        await using TestServer alone = await TestServer.StartAsync();
        await using TestServer off = await TestServer.StartAsync(
            static o => o with { SwimEnabled = false, SeedNodes = [new HostPort("localhost", 1)], BootstrapExpect = 1 });
        foreach (TestServer server in (TestServer[])[alone, off])
        {
            Assert.Null(server.Server.Membership);
            using Socket udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(server.Server.RpcEndPoint);
            GrpcException unknown = await Wire.FailsAsync(ExchangeAsync(server.Rpc, "x"u8.ToArray()));
            Assert.Equal(GrpcStatusCode.Unimplemented, unknown.Code);
        }

        await using TestServer on = await StartAsync("n1");
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Assert.Throws<SocketException>(() => taken.Bind(on.Server.RpcEndPoint));
    }

    [Fact]
    public async Task A_taken_udp_port_is_an_error_that_names_it()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, FreePort.Next()));
        var address = new HostPort("127.0.0.1", ((IPEndPoint)taken.LocalEndPoint!).Port);
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(
            () => StartAsync("n1", o => o with { RpcAddress = address }));
        Assert.Equal(ExitCodes.Unavailable, refused.ExitCode);
        Assert.StartsWith($"rpc_addr (UDP, for SWIM): cannot listen on {address}", refused.Message, StringComparison.Ordinal);
    }

    // What is not sealed with the secret gets no answer, whoever sends it; without a secret only this machine is asked.
    [Fact]
    public async Task Strangers_get_nothing_out_of_the_exchange()
    {
        await using TestServer a = await StartAsync("n1");
        GrpcException refused = await Wire.FailsAsync(ExchangeAsync(a.Rpc, "hello"u8.ToArray()));
        Assert.Equal(GrpcStatusCode.PermissionDenied, refused.Code);
        Assert.True(a.Server.Membership!.Swim.DroppedEnvelopes > 0);

        IPAddress? own = (await Dns.GetHostAddressesAsync(Dns.GetHostName()))
            .FirstOrDefault(static x => x.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(x));
        if (own is null) return;
        await using TestServer open = await StartAsync(
            "n1", o => o with { PeerSecret = null, RpcAddress = new HostPort("0.0.0.0", 0), AdvertiseAddress = new HostPort($"{own}", 0) });
        using GrpcChannel stranger = GrpcChannel.ForAddress($"http://{own}:{open.Server.RpcEndPoint.Port}");
        GrpcException closed = await Wire.FailsAsync(ExchangeAsync(stranger, "hello"u8.ToArray()));
        Assert.StartsWith("Admin and Raft answer loopback only", closed.Status.Message, StringComparison.Ordinal);
        await LoggedAsync(open, "no cluster.peer_secret");
    }

    [Fact]
    public async Task Servers_with_tls_of_one_authority_join()
    {
        using TlsDirectory tls = new();
        await using TestServer a = await StartAsync("n1", tls.Apply);
        await using TestServer b = await StartAsync("n2", tls.Apply, [Seed(a)]);
        await UntilAsync(() => Task.FromResult(
            a.Server.Membership!.Swim.IsAlive("n2") && b.Server.Membership!.Swim.IsAlive("n1")));
        using TlsDirectory other = new();
        await using TestServer c = await StartAsync("n3", other.Apply, [Seed(a)]);
        await LoggedAsync(c, "no seed answers");
        Assert.False(a.Server.Membership!.Swim.IsAlive("n3"));
    }

    // What each stores is its own: one that has seeds and data of its own joins membership and no cluster.
    private static async Task<TestServer> StartAsync(
        string id, Func<ServerOptions, ServerOptions>? change = null, HostPort[]? seeds = null, MemoryFileSystem? files = null)
    {
        bool isNew = files is null;
        files ??= new MemoryFileSystem();
        if (isNew && seeds is { Length: > 0 })
            await (await TestServer.StartAsync(o => o with { NodeId = id }, p => p with { FileSystem = files })).DisposeAsync();
        return await TestServer.StartAsync(
            o =>
            {
                o = o with
                {
                    NodeId = id,
                    SwimEnabled = true,
                    PeerSecret = Secret,
                    SeedNodes = seeds ?? [],
                    SwimProbeInterval = TimeSpan.FromMilliseconds(250),
                    SwimProbeTimeout = TimeSpan.FromMilliseconds(120),
                };
                return change is null ? o : change(o);
            },
            p => p with { FileSystem = files });
    }

    private static HostPort Seed(TestServer server) => new("localhost", server.Server.RpcEndPoint.Port);

    private static async Task<JsonElement> ViewAsync(TestServer server) =>
        JsonDocument.Parse(await server.Http.GetStringAsync("/meta/cluster")).RootElement;

    // Of the newest view that its own meta group issued; 0 none yet.
    private static async Task<ulong> IssuedEpochAsync(TestServer server)
    {
        long deadline = TimeProvider.System.GetTimestamp() + (60 * TimeProvider.System.TimestampFrequency);
        KvResult<ClusterStatus> status = await ((NoriNode)server.Server.Node).Admin
            .StatusAsync(new RequestContext(deadline, "", CancellationToken.None));
        return status.IsOk ? status.Value.ViewEpoch : 0;
    }

    private static async Task<string> NodesAsync(TestServer server) => string.Join(", ", (await ViewAsync(server))
        .GetProperty("nodes").EnumerateArray()
        .Select(static n => $"{n.GetProperty("id").GetString()} {n.GetProperty("role").GetString()}"));

    private static async Task<string> DropsAsync(TestServer server) => string.Join('\n', (await server.Http.GetStringAsync("/metrics"))
        .Split('\n').Where(static l => l.StartsWith("norikv_swim_messages_dropped_total", StringComparison.Ordinal))
        .Where(static l => !l.EndsWith(" 0", StringComparison.Ordinal)));

    private static List<string> SwimEvents(TestServer server)
    {
        List<string> found = [];
        var record = new EventRecord();
        EventSubscription from = server.Server.Events.Subscribe(0);
        while (from.TryRead(record))
        {
            using var bytes = new MemoryStream();
            using (var writer = new Utf8JsonWriter(bytes)) EventJson.Write(writer, record, "n");
            JsonElement e = JsonDocument.Parse(bytes.ToArray()).RootElement;
            if (e.GetProperty("family").GetString() == "Swim")
                found.Add($"{e.GetProperty("kind").GetString()} {e.GetProperty("member").GetString()}");
        }

        return found;
    }

    private static Task<ReadOnlyMemory<byte>> ExchangeAsync(GrpcChannel channel, ReadOnlyMemory<byte> bytes) =>
        channel.UnaryAsync(
            new GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(
                GrpcMethodKind.Unary, "norikv.v1.Swim", "Exchange", Marshallers.Bytes, Marshallers.Bytes),
            bytes);

    private static Task LoggedAsync(TestServer server, string text) =>
        UntilAsync(() => Task.FromResult(server.LogText.Contains(text, StringComparison.Ordinal)));

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!await holds()) await Task.Delay(20, patience.Token);
    }
}
