using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Nori.Grpc;
using Nori.IO;

namespace NoriKV.Server.Tests;

/// <summary>How a server starts and ends.</summary>
public sealed class LifecycleTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Run_prints_one_ready_line_serves_and_ends_with_0_when_told()
    {
        var output = new StringWriter();
        using var stop = new CancellationTokenSource();
        var parts = new ServerParts { FileSystem = new MemoryFileSystem() };
        Task<int> running = ServerHost.RunAsync(Options(), TextWriter.Synchronized(output), parts, stop.Token);
        await WireFramingTests.EventuallyAsync(() => output.ToString().Contains('\n', StringComparison.Ordinal));
        string line = output.ToString().TrimEnd();
        Assert.Matches(@"^ready node=n1 rpc=127\.0\.0\.1:\d+ http=127\.0\.0\.1:\d+ data=/data$", line);
        using var http = new HttpClient();
        string address = line.Split(' ').Single(static w => w.StartsWith("http=", StringComparison.Ordinal))[5..];
        Assert.Equal("OK", await http.GetStringAsync($"http://{address}/healthz"));
        await stop.CancelAsync();
        Assert.Equal(ExitCodes.Ok, await running.WaitAsync(Patience));
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync($"http://{address}/healthz"));
    }

    [Fact]
    public async Task The_ready_line_is_json_where_asked()
    {
        await using TestServer server = await TestServer.StartAsync(static o => o with { Json = true });
        JsonElement line = JsonDocument.Parse(ServerHost.ReadyLine(server.Server)).RootElement;
        Assert.Equal(("n1", server.Server.RpcEndPoint.ToString(), "/data"), (
            line.GetProperty("node").GetString(), line.GetProperty("rpc").GetString(),
            line.GetProperty("data").GetString()));
    }

    [Fact]
    public async Task A_server_with_1024_shards_starts_serves_and_stops()
    {
        TestServer server = await TestServer.StartAsync(static o => o with { TotalShards = 1024 }).WaitAsync(Patience);
        await server.PutAsync("a", "1");
        await server.DisposeAsync().AsTask().WaitAsync(Patience);
    }

    [Fact]
    public async Task A_taken_default_http_address_is_a_warning_and_an_explicit_one_an_error()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var address = new HostPort("127.0.0.1", ((IPEndPoint)taken.LocalEndpoint).Port);
        await using TestServer other = await TestServer.StartAsync(o => o with { HttpAddress = address });
        Assert.NotEqual(address.Port, other.Server.HttpEndPoint.Port);
        Assert.Equal(HttpStatusCode.OK, (await other.Http.GetAsync("/readyz")).StatusCode);
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(() => TestServer.StartAsync(
            o => o with { HttpAddress = address, HttpAddressIsExplicit = true }));
        Assert.Equal(ExitCodes.Unavailable, refused.ExitCode);
        Assert.StartsWith($"http_addr: cannot listen on {address}", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<ServerStartException>(
            () => TestServer.StartAsync(o => o with { RpcAddress = address }));
        Assert.StartsWith($"rpc_addr: cannot listen on {address}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_data_directory_one_server()
    {
        var files = new MemoryFileSystem();
        await using TestServer first = await TestServer.StartAsync(parts: p => p with { FileSystem = files });
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(
            () => TestServer.StartAsync(parts: p => p with { FileSystem = files }));
        Assert.Equal(ExitCodes.Unavailable, refused.ExitCode);
        Assert.Contains("/data", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_a_stop_and_a_start()
    {
        var files = new MemoryFileSystem();
        Proto.V1.Version version;
        await using (TestServer first = await TestServer.StartAsync(parts: p => p with { FileSystem = files }))
            version = (await first.PutAsync("a", "1")).Version;
        await using TestServer second = await TestServer.StartAsync(parts: p => p with { FileSystem = files });
        Assert.Equal(version, (await second.GetAsync("a")).Version);
    }

    [Fact]
    public async Task Host_names_are_addresses_too_and_unknown_ones_are_named()
    {
        await using TestServer server = await TestServer.StartAsync(
            static o => o with { RpcAddress = new HostPort("localhost", 0) });
        Assert.Equal($"localhost:{server.Server.RpcEndPoint.Port}", server.Server.AdvertisedAddress.ToString());
        await server.PutAsync("a", "1");
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(() => TestServer.StartAsync(
            static o => o with { RpcAddress = new HostPort("no-such-host.invalid", 0) }));
        Assert.Equal(ExitCodes.Usage, refused.ExitCode);
        Assert.Contains("no-such-host.invalid", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_in_flight_is_answered_before_the_server_is_gone()
    {
        await using TestServer server = await TestServer.StartAsync();
        Task<Proto.V1.PutResponse>[] puts = [.. Enumerable.Range(0, 200).Select(i => server.PutAsync($"k{i}", "v"))];
        await puts[0];
        await server.Server.StopAsync();
        foreach (Task<Proto.V1.PutResponse> put in puts)
        {
            try
            {
                Assert.True((await put).Version.Index >= 1);
            }
            catch (GrpcException refused)
            {
                Assert.Equal(GrpcStatusCode.Unavailable, refused.Code);
            }
        }
    }

    [Fact]
    public async Task Stopping_takes_no_longer_than_its_time_whatever_clients_do()
    {
        var node = new FakeNode { Hold = new TaskCompletionSource() };
        await using TestServer server = await TestServer.StartFakeAsync(
            node, static o => o with { StopTimeout = TimeSpan.FromSeconds(1) });
        Task put = server.PutAsync("a", "1");
        await WireFramingTests.EventuallyAsync(() => node.Waiting == 1);
        // The operation never ends by itself.
        await server.Server.StopAsync().WaitAsync(Patience);
        await Assert.ThrowsAsync<GrpcException>(() => put);
    }

    [Fact]
    public async Task Tls_serves_both_ports_and_a_client_authority_is_asked_for()
    {
        string directory = Directory.CreateTempSubdirectory("norikv-tls-").FullName;
        try
        {
            using X509Certificate2 authority = Certificate("CN=authority", null);
            using X509Certificate2 server = Certificate("CN=localhost", authority);
            using X509Certificate2 client = Certificate("CN=client", authority);
            using X509Certificate2 stranger = Certificate("CN=stranger", null);
            string Write(string name, string text)
            {
                string path = Path.Combine(directory, name);
                File.WriteAllText(path, text);
                return path;
            }

            var options = (ServerOptions o) => o with
            {
                TlsCertificate = Write("cert.pem", server.ExportCertificatePem()),
                TlsKey = Write("key.pem", server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
                TlsClientCa = Write("ca.pem", authority.ExportCertificatePem()),
            };
            await using TestServer tls = await TestServer.StartAsync(options);
            string answer = await CallBothAsync(tls, client);
            Assert.Equal("OK", answer);
            await Assert.ThrowsAnyAsync<Exception>(() => CallBothAsync(tls, stranger));
            await Assert.ThrowsAnyAsync<Exception>(() => CallBothAsync(tls, null));
            await Assert.ThrowsAsync<GrpcException>(() => tls.PutAsync("plain", "text"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData("/no/such/cert.pem")]
    public async Task A_certificate_that_cannot_be_read_is_named(string path)
    {
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(
            () => TestServer.StartFakeAsync(change: o => o with { TlsCertificate = path, TlsKey = path }));
        Assert.Equal(ExitCodes.Usage, refused.ExitCode);
        Assert.StartsWith("tls.cert and tls.key: ", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<string> CallBothAsync(TestServer server, X509Certificate2? certificate)
    {
        var ssl = new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            RemoteCertificateValidationCallback = static (_, server, _, _) => server?.Subject == "CN=localhost",
            ClientCertificates = certificate is null ? null : [certificate],
        };
        using var channel = new GrpcChannel(new GrpcChannelOptions
        {
            Address = new Uri($"https://{server.Server.RpcEndPoint}"), Tls = ssl,
        });
        var put = new Proto.V1.PutRequest { Key = Wire.Bytes("a"), Value = Wire.Bytes("1") };
        await channel.UnaryAsync(Wire.Put, put);
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = ssl });
        return await http.GetStringAsync($"https://{server.Server.HttpEndPoint}/healthz");
    }

    internal static X509Certificate2 Certificate(
        string subject, X509Certificate2? issuer, bool isAuthority = false, bool isExpired = false)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(issuer is null || isAuthority, false, 0, true));
        DateTimeOffset from = TimeProvider.System.GetUtcNow().AddDays(-1);
        if (issuer is null) return request.CreateSelfSigned(from, from.AddDays(3));
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        // None outlives its issuer, which was made a moment before.
        using X509Certificate2 signed = request.Create(issuer, from, from.AddDays(isExpired ? 0.5 : isAuthority ? 2.5 : 2), serial);
        return signed.CopyWithPrivateKey(key);
    }

    private static ServerOptions Options() => new()
    {
        RpcAddress = new HostPort("127.0.0.1", 0),
        HttpAddress = new HostPort("127.0.0.1", 0),
        DataDirectory = "/data",
        TotalShards = 16,
    };
}
