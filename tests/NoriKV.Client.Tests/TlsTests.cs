using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NoriKV.Server;

namespace NoriKV.Client.Tests;

/// <summary>Certificates that do not fit are said at once: no attempt changes them.</summary>
public sealed class TlsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("norikv-client-tls-").FullName;
    private readonly X509Certificate2 _authority = Certificate("CN=authority", null);

    [Fact]
    public async Task A_failed_tls_authentication_ends_at_once_and_says_what_to_set()
    {
        using X509Certificate2 node = Certificate("CN=localhost", _authority);
        using X509Certificate2 known = Certificate("CN=client", _authority);
        using X509Certificate2 stranger = Certificate("CN=stranger", null);
        await using RunningServer server = await MutualAsync(node);
        string address = server.RpcEndPoint.ToString();
        var trusting = new ClientTlsOptions
        {
            TrustedRoots = [_authority], ServerName = "localhost", ClientCertificate = known,
        };
        await using (NoriKVClient client = Client(address, trusting)) await client.PutAsync("a", "1");

        await RefusedAsync(address, trusting with { TrustedRoots = [stranger] });
        await RefusedAsync(address, trusting with { ServerName = "elsewhere" });
    }

    [Fact]
    public async Task A_missing_or_foreign_client_certificate_ends_soon_and_says_what_to_set()
    {
        using X509Certificate2 node = Certificate("CN=localhost", _authority);
        using X509Certificate2 stranger = Certificate("CN=stranger", null);
        using X509Certificate2 foreign = Certificate("CN=foreign", stranger);
        await using RunningServer server = await MutualAsync(node);
        string address = server.RpcEndPoint.ToString();
        foreach (X509Certificate2? certificate in new[] { null, foreign })
        {
            await using NoriKVClient client = Client(address, new ClientTlsOptions
            {
                TrustedRoots = [_authority], ServerName = "localhost", ClientCertificate = certificate,
            });
            NoriKVException e = await Assert.ThrowsAnyAsync<NoriKVException>(
                () => client.PutAsync("a", "1").AsTask().WaitAsync(Patience));
            Assert.Contains("ClientCertificate", e.Message);
        }
    }

    [Fact]
    public async Task A_client_certificate_is_shown_with_its_intermediates()
    {
        using X509Certificate2 node = Certificate("CN=localhost", _authority);
        using X509Certificate2 intermediate = Certificate("CN=intermediate", _authority, isAuthority: true);
        using X509Certificate2 known = Certificate("CN=client", intermediate);
        await using RunningServer server = await MutualAsync(node);
        await using NoriKVClient client = Client(server.RpcEndPoint.ToString(), new ClientTlsOptions
        {
            TrustedRoots = [_authority],
            ServerName = "localhost",
            ClientCertificate = known,
            ClientCertificateChain = [known, intermediate],
        });
        await client.PutAsync("a", "1").AsTask().WaitAsync(Patience);
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static NoriKVClient Client(string address, ClientTlsOptions tls) => NoriKVClient.Connect(
        new NoriKVClientOptions { Addresses = [address], Tls = tls, Deadline = TimeSpan.FromHours(1) });

    private static async Task RefusedAsync(string address, ClientTlsOptions tls)
    {
        await using NoriKVClient client = Client(address, tls);
        var put = await Assert.ThrowsAsync<UnavailableException>(() => client.PutAsync("a", "1").AsTask().WaitAsync(Patience));
        Assert.StartsWith($"TLS with {address} failed", put.Message);
        Assert.Contains("TrustedRoots", put.Message);
        var view = await Assert.ThrowsAsync<UnavailableException>(
            () => client.GetClusterViewAsync(default).AsTask().WaitAsync(Patience));
        Assert.StartsWith($"TLS with {address} failed", view.Message);
    }

    /// <summary>A server that asks for client certificates of the authority.</summary>
    private async Task<RunningServer> MutualAsync(X509Certificate2 node) => await ServerHost.StartAsync(new ServerOptions
    {
        RpcAddress = new HostPort("127.0.0.1", 0),
        HttpAddress = new HostPort("127.0.0.1", 0),
        HttpAddressIsExplicit = true,
        DataDirectory = Path.Combine(_folder, "data"),
        TlsCertificate = Write("cert.pem", node.ExportCertificatePem()),
        TlsKey = Write("key.pem", node.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
        TlsClientCa = Write("ca.pem", _authority.ExportCertificatePem()),
    });

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static X509Certificate2 Certificate(string subject, X509Certificate2? issuer, bool isAuthority = false)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(issuer is null || isAuthority, false, 0, true));
        DateTimeOffset from = TimeProvider.System.GetUtcNow().AddDays(-1);
        if (issuer is null) return request.CreateSelfSigned(from, from.AddDays(3));
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        // None outlives its issuer, which was made a moment before.
        using X509Certificate2 signed = request.Create(issuer, from, from.AddDays(isAuthority ? 2.5 : 2), serial);
        return signed.CopyWithPrivateKey(key);
    }
}
