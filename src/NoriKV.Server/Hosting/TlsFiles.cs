using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace NoriKV.Server;

/// <summary>
/// Reads the PEM files of tls.cert, tls.key and tls.client_ca into what both ports serve with.
/// </summary>
internal static class TlsFiles
{
    /// <summary>The rules; null when no certificate is configured.</summary>
    /// <exception cref="ServerStartException">A file is missing or not what it should be.</exception>
    public static HttpsConnectionAdapterOptions? Load(ServerOptions options)
    {
        if (options.TlsCertificate is not { } certificate || options.TlsKey is not { } key) return null;
        var tls = new HttpsConnectionAdapterOptions
        {
            ServerCertificate = Read(
                "tls.cert and tls.key", () => X509Certificate2.CreateFromPemFile(certificate, key)),
            ServerCertificateChain = Read("tls.cert", () => Collection(certificate)),
        };
        if (options.TlsClientCa is not { } authority) return tls;

        X509Certificate2Collection roots = Read("tls.client_ca", () => Collection(authority));
        tls.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
        tls.ClientCertificateValidation = (client, _, _) => IsIssuedBy(client, roots);
        return tls;
    }

    private static bool IsIssuedBy(X509Certificate2 client, X509Certificate2Collection roots)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);

        // An authority of one's own rarely publishes revocations; short-lived certificates do that work.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(client);
    }

    private static X509Certificate2Collection Collection(string file)
    {
        var all = new X509Certificate2Collection();
        all.ImportFromPemFile(file);
        if (all.Count == 0) throw new CryptographicException($"no certificate in {file}");
        return all;
    }

    private static T Read<T>(string setting, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (
            failure is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new ServerStartException($"{setting}: {failure.Message}", ExitCodes.Usage, failure);
        }
    }
}
