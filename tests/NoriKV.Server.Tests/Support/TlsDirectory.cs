using System.Security.Cryptography.X509Certificates;

namespace NoriKV.Server.Tests;

/// <summary>An authority and a certificate of it, in files.</summary>
internal sealed class TlsDirectory : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("norikv-tls-").FullName;

    public TlsDirectory() => Renew();

    /// <summary>The authority's certificate, with its key.</summary>
    public X509Certificate2 Authority { get; private set; } = null!;

    /// <summary>The file with the certificate.</summary>
    public string CertificateFile => Path.Combine(_path, "cert.pem");

    /// <summary>Puts another authority and another certificate into the files.</summary>
    public void Renew(string subject = "CN=node")
    {
        Authority?.Dispose();
        Authority = LifecycleTests.Certificate("CN=authority", null);
        using X509Certificate2 server = LifecycleTests.Certificate(subject, Authority);
        File.WriteAllText(CertificateFile, server.ExportCertificatePem());
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
        Authority.Dispose();
        Directory.Delete(_path, recursive: true);
    }
}
