using System.Security.Cryptography.X509Certificates;

namespace NoriKV.Server.Tests;

/// <summary>An authority and a certificate of it, or of an intermediate of it, in files.</summary>
internal sealed class TlsDirectory : IDisposable
{
    private readonly bool _hasIntermediate;
    private readonly string _path = Directory.CreateTempSubdirectory("norikv-tls-").FullName;

    public TlsDirectory(bool hasIntermediate = false)
    {
        _hasIntermediate = hasIntermediate;
        Renew();
    }

    /// <summary>The authority's certificate, with its key.</summary>
    public X509Certificate2 Authority { get; private set; } = null!;

    /// <summary>What signs certificates, with its key: an intermediate or the authority.</summary>
    public X509Certificate2 Issuer { get; private set; } = null!;

    /// <summary>The file with the certificate, and the intermediate.</summary>
    public string CertificateFile => Path.Combine(_path, "cert.pem");

    /// <summary>Puts another authority and another certificate into the files.</summary>
    public void Renew(string subject = "CN=node")
    {
        if (Issuer != Authority) Issuer.Dispose();
        Authority?.Dispose();
        Authority = LifecycleTests.Certificate("CN=authority", null);
        Issuer = _hasIntermediate ? LifecycleTests.Certificate("CN=intermediate", Authority, isAuthority: true) : Authority;
        using X509Certificate2 server = LifecycleTests.Certificate(subject, Issuer);
        string intermediate = _hasIntermediate ? "\n" + Issuer.ExportCertificatePem() : "";
        File.WriteAllText(CertificateFile, server.ExportCertificatePem() + intermediate);
        File.WriteAllText(Path.Combine(_path, "key.pem"), server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Path.Combine(_path, "ca.pem"), Authority.ExportCertificatePem());
    }

    public ServerOptions Apply(ServerOptions options) => options with
    {
        TlsCertificate = CertificateFile,
        TlsKey = Path.Combine(_path, "key.pem"),
        TlsClientCa = Path.Combine(_path, "ca.pem"),
    };

    public void Dispose()
    {
        if (Issuer != Authority) Issuer.Dispose();
        Authority.Dispose();
        Directory.Delete(_path, recursive: true);
    }
}
