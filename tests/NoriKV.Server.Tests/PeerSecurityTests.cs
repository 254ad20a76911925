using System.Security.Cryptography;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Nori.Grpc;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>Who may be a peer, and certificates that change while the server runs.</summary>
public sealed class PeerSecurityTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Servers_with_certificates_of_one_authority_form_a_cluster_and_replicate(bool hasIntermediate)
    {
        using TlsDirectory tls = new(hasIntermediate);
        await using TestCluster cluster = await TestCluster.StartAsync(3, tls.Apply);
        await PutAsync(cluster, "a", "1");
        await cluster.StopOneAsync(0);
        await PutAsync(cluster, "b", "2");
    }

    [Fact]
    public async Task A_server_with_a_certificate_of_another_authority_gets_no_answer()
    {
        using TlsDirectory tls = new();
        using TlsDirectory other = new();
        int[] ports = [FreePort.Next(), FreePort.Next()];
        using var late = new CancellationTokenSource(Patience);
        await using var waiting = new Forming("n1", ports[0], ports, tls.Apply, late.Token);
        await using var stranger = new Forming("n2", ports[1], ports, other.Apply, late.Token);
        await stranger.LoggedAsync($"127.0.0.1:{ports[0]} (");
        await waiting.LoggedAsync($"127.0.0.1:{ports[1]} (");
        Assert.False(waiting.Starting.IsCompleted);
        Assert.False(stranger.Starting.IsCompleted);
    }

    // Whoever is dialed gets the secret: with a certificate that nobody vouches for he is not sent it.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Without_an_authority_a_peer_is_trusted_as_this_machine_trusts_servers(bool isInsecure)
    {
        using TlsDirectory tls = new();
        int[] ports = [FreePort.Next(), FreePort.Next()];
        using var late = new CancellationTokenSource(Patience);
        await using var a = new Forming("n1", ports[0], ports, Change, late.Token);
        await using var b = new Forming("n2", ports[1], ports, Change, late.Token);
        if (isInsecure)
        {
            Assert.Equal((await a.Starting).Node.View.ClusterId, (await b.Starting).Node.View.ClusterId);
            return;
        }

        await a.LoggedAsync("a node's certificate is refused");
        await b.LoggedAsync("set tls.client_ca to the authority of the nodes' certificates");
        Assert.False(a.Starting.IsCompleted);
        Assert.False(b.Starting.IsCompleted);

        ServerOptions Change(ServerOptions options) =>
            tls.Apply(options) with { TlsClientCa = null, PeerSecret = "a secret", Insecure = isInsecure };
    }

    [Theory]
    [InlineData(SslPolicyErrors.None, true)]
    [InlineData(SslPolicyErrors.RemoteCertificateNameMismatch, false)]
    [InlineData(SslPolicyErrors.RemoteCertificateChainErrors, false)]
    [InlineData(SslPolicyErrors.RemoteCertificateNotAvailable, false)]
    public void A_certificate_that_the_machine_vouches_for_is_a_peers(SslPolicyErrors found, bool isPeer)
    {
        using TlsDirectory tls = new();
        ServerOptions files = tls.Apply(new ServerOptions());
        using X509Certificate2 shown = LifecycleTests.Certificate("CN=elsewhere", null);
        using X509Certificate2 own = LifecycleTests.Certificate("CN=n2", tls.Authority);
        TlsMaterial alone = TlsMaterial.Read(files.TlsCertificate!, files.TlsKey!, null);
        Assert.Equal(isPeer, alone.WhyNoPeer(shown, null, found) is null);
        // With an authority only that counts.
        TlsMaterial governed = TlsMaterial.Read(files.TlsCertificate!, files.TlsKey!, files.TlsClientCa);
        Assert.NotNull(governed.WhyNoPeer(shown, null, found));
        Assert.Null(governed.WhyNoPeer(own, null, found));
    }

    [Theory]
    [InlineData(null, null, false)]
    [InlineData("a secret of one", "a secret of two", false)]
    [InlineData("the same secret", "the same secret", true)]
    public async Task Beyond_loopback_peers_need_the_same_secret(string? one, string? two, bool forms)
    {
        IPAddress? own = (await Dns.GetHostAddressesAsync(Dns.GetHostName()))
            .FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        if (own is null) Assert.Skip("this machine has no address but loopback to be a stranger from");
        int[] ports = [FreePort.Next(), FreePort.Next()];
        using var late = new CancellationTokenSource(Patience);
        await using var a = new Forming("n1", ports[0], ports, o => o with { PeerSecret = one }, late.Token, $"{own}");
        await using var b = new Forming("n2", ports[1], ports, o => o with { PeerSecret = two }, late.Token, $"{own}");
        if (forms)
        {
            Assert.Equal((await a.Starting).Node.View.ClusterId, (await b.Starting).Node.View.ClusterId);
            return;
        }

        await a.LoggedAsync("PermissionDenied");
        await b.LoggedAsync("PermissionDenied");
        Assert.False(a.Starting.IsCompleted);
        Assert.False(b.Starting.IsCompleted);
    }

    [Fact]
    public async Task Certificates_are_read_again_when_their_files_change_and_bad_ones_are_not_used()
    {
        using TlsDirectory tls = new();
        tls.Renew("CN=first");
        await using TestServer server = await TestServer.StartFakeAsync(change: tls.Apply);
        Assert.Equal("CN=first", await SubjectAsync(server, tls));
        string good = await File.ReadAllTextAsync(tls.CertificateFile, TestContext.Current.CancellationToken);

        await File.WriteAllTextAsync(tls.CertificateFile, "half a cert", TestContext.Current.CancellationToken);
        await UntilAsync(() => server.LogText.Contains("changed certificates are not used", StringComparison.Ordinal));
        Assert.Equal("CN=first", await SubjectAsync(server, tls));
        await File.WriteAllTextAsync(tls.CertificateFile, good, TestContext.Current.CancellationToken);
        await UntilAsync(() => server.LogText.Contains("certificates read again", StringComparison.Ordinal));

        tls.Renew("CN=second");
        string subject = "";
        using var patience = new CancellationTokenSource(Patience);
        while (subject != "CN=second")
        {
            await Task.Delay(50, patience.Token);
            try
            {
                subject = await SubjectAsync(server, tls);
            }
            catch (GrpcException)
            {
                // The old authority still counts: its certificate is not of it.
            }
        }
    }

    [Theory]
    [InlineData("leaf, intermediate", true)]
    [InlineData("leaf, intermediate, root", true)]
    [InlineData("leaf", false)]
    [InlineData("expired, intermediate", false)]
    [InlineData("stranger, stranger's intermediate", false)]
    [InlineData("stranger, stranger's intermediate, stranger's root", false)]
    [InlineData("stranger, intermediate", false)]
    public async Task What_comes_with_a_certificate_leads_to_the_authority_and_is_none(string shown, bool isTrusted)
    {
        using TlsDirectory tls = new(hasIntermediate: true);
        using TlsDirectory other = new(hasIntermediate: true);
        var all = new Dictionary<string, X509Certificate2>
        {
            ["leaf"] = LifecycleTests.Certificate("CN=leaf", tls.Issuer),
            ["expired"] = LifecycleTests.Certificate("CN=expired", tls.Issuer, isExpired: true),
            ["intermediate"] = tls.Issuer,
            ["root"] = tls.Authority,
            ["stranger"] = LifecycleTests.Certificate("CN=stranger", other.Issuer),
            ["stranger's intermediate"] = other.Issuer,
            ["stranger's root"] = other.Authority,
        };
        X509Certificate2[] chain = [.. shown.Split(", ").Select(name => all[name])];
        ServerOptions files = tls.Apply(new ServerOptions());
        TlsMaterial material = TlsMaterial.Read(files.TlsCertificate!, files.TlsKey!, files.TlsClientCa);
        using var handshake = new X509Chain();
        handshake.ChainPolicy.ExtraStore.AddRange(chain);
        Assert.Equal(isTrusted, material.IsTrusted(chain[0], handshake));
        Assert.Equal(isTrusted, material.WhyNoPeer(chain[0], handshake, SslPolicyErrors.None) is null);

        await using TestServer server = await TestServer.StartFakeAsync(change: tls.Apply);
        var ssl = new SslClientAuthenticationOptions
        {
            TargetHost = "node",
            CertificateChainPolicy = TrustingOnly(tls.Authority),
            ClientCertificateContext = SslStreamCertificateContext.Create(chain[0], [.. chain[1..]], offline: true),
        };
        Assert.Equal(isTrusted, await IsServedAsync(server, ssl));
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = ssl });
        HttpRequestMessage ask = new(HttpMethod.Get, $"https://{server.Server.HttpEndPoint}/healthz") { Headers = { Host = "node" } };
        Task<HttpResponseMessage> asked = http.SendAsync(ask, TestContext.Current.CancellationToken);
        if (isTrusted) (await asked).Dispose();
        else await Assert.ThrowsAsync<HttpRequestException>(() => asked);
    }

    [Fact]
    public void Nothing_is_fetched_from_where_a_certificate_says_that_its_issuer_is()
    {
        using TlsDirectory tls = new(hasIntermediate: true);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=leaf", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(
            new X509AuthorityInformationAccessExtension(null, [$"http://{listener.LocalEndpoint}/issuer.cer"]));
        using X509Certificate2 leaf = request.Create(tls.Issuer, tls.Issuer.NotBefore, tls.Issuer.NotAfter, [1]);
        ServerOptions files = tls.Apply(new ServerOptions());
        TlsMaterial material = TlsMaterial.Read(files.TlsCertificate!, files.TlsKey!, files.TlsClientCa);
        Assert.False(material.IsTrusted(leaf, null));
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task What_a_node_shows_its_peers_changes_with_the_files()
    {
        using TlsDirectory tls = new(hasIntermediate: true);
        using TlsDirectory own = new();
        await using TestServer peer = await TestServer.StartFakeAsync(change: tls.Apply);
        var log = new ServerParts().Log;
        ServerOptions files = own.Apply(new ServerOptions());
        TlsFiles node = TlsFiles.Load(files, log)!;
        using var channel = new GrpcChannel(new GrpcChannelOptions
        {
            Address = new Uri($"https://{peer.Server.RpcEndPoint}"), Tls = node.ForPeers(),
        });
        await Assert.ThrowsAsync<GrpcException>(() => channel.UnaryAsync(Wire.Put, WireFramingTests.Put("a", "1")));

        ServerOptions now = tls.Apply(files);
        File.Copy(now.TlsCertificate!, files.TlsCertificate!, overwrite: true);
        File.Copy(now.TlsKey!, files.TlsKey!, overwrite: true);
        File.Copy(now.TlsClientCa!, files.TlsClientCa!, overwrite: true);
        Assert.True(node.Refresh()!.Value.IsTaken);
        await channel.UnaryAsync(Wire.Put, WireFramingTests.Put("a", "1"));
    }

    private static X509ChainPolicy TrustingOnly(X509Certificate2 root) => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        CustomTrustStore = { root },
    };

    private static async Task<bool> IsServedAsync(TestServer server, SslClientAuthenticationOptions tls)
    {
        var address = new Uri($"https://{server.Server.RpcEndPoint}");
        using var channel = new GrpcChannel(new GrpcChannelOptions { Address = address, Tls = tls });
        try
        {
            await channel.UnaryAsync(Wire.Put, WireFramingTests.Put("a", "1"));
            return true;
        }
        catch (GrpcException)
        {
            return false;
        }
    }

    private static async Task<string> SubjectAsync(TestServer server, TlsDirectory tls)
    {
        string subject = "";
        using X509Certificate2 client = LifecycleTests.Certificate("CN=client", tls.Authority);
        using var channel = new GrpcChannel(new GrpcChannelOptions
        {
            Address = new Uri($"https://{server.Server.RpcEndPoint}"),
            Tls = new SslClientAuthenticationOptions
            {
                ClientCertificates = [client],
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                {
                    subject = shown!.Subject;
                    return shown.Issuer == "CN=authority";
                },
            },
        });
        await channel.UnaryAsync(Wire.Put, WireFramingTests.Put("a", "1"));
        return subject;
    }

    private static async Task PutAsync(TestCluster cluster, string key, string value)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            foreach (TestServer server in cluster.Servers)
            {
                KvResult<PutResult> put = await server.Server.Node.PutAsync(
                    System.Text.Encoding.UTF8.GetBytes(key), System.Text.Encoding.UTF8.GetBytes(value), new PutOptions(),
                    new RequestContext(long.MaxValue, "", patience.Token));
                if (put.IsOk) return;
            }

            await Task.Delay(20, patience.Token);
        }
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!holds()) await Task.Delay(20, patience.Token);
    }

    /// <summary>A server that forms a cluster of two, or tries to.</summary>
    private sealed class Forming : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop;
        private readonly StringWriter _lines = new();
        private readonly TextWriter _writer;
        private readonly LogLoop _log;

        public Forming(
            string id, int port, int[] ports, Func<ServerOptions, ServerOptions> change, CancellationToken late,
            string host = "127.0.0.1")
        {
            _stop = CancellationTokenSource.CreateLinkedTokenSource(late);
            var parts = new ServerParts { FileSystem = new Nori.IO.MemoryFileSystem() };
            _writer = TextWriter.Synchronized(_lines);
            _log = new LogLoop(parts.Log, _writer);
            Starting = ServerHost.StartAsync(
                change(new ServerOptions
                {
                    NodeId = id,
                    RpcAddress = new HostPort(host == "127.0.0.1" ? host : "0.0.0.0", port),
                    AdvertiseAddress = new HostPort(host, port),
                    HttpAddress = new HostPort("127.0.0.1", 0),
                    DataDirectory = "/data",
                    TotalShards = 16,
                    LogSegmentBytes = 4 << 20,
                    SeedNodes = [.. ports.Select(p => new HostPort(host, p))],
                    BootstrapExpect = 2,
                    SwimEnabled = false,
                }),
                parts,
                _stop.Token);
        }

        public Task<RunningServer> Starting { get; }

        public Task LoggedAsync(string text) => UntilAsync(() => Text().Contains(text, StringComparison.Ordinal));

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await ((Task)Starting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (Starting.IsCompletedSuccessfully) await Starting.Result.DisposeAsync();
            _log.Dispose();
            _stop.Dispose();
        }

        private string Text()
        {
            lock (_writer) return _lines.ToString();
        }
    }
}
