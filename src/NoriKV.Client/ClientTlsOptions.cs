using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace NoriKV.Client;

/// <summary>TLS towards the nodes.</summary>
public sealed record ClientTlsOptions
{
    /// <summary>The certificates that sign the nodes' ones; null for the system's.</summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <summary>This client's certificate with its private key, where the nodes ask for one.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>
    /// The certificates between <see cref="ClientCertificate"/> and the authority that the nodes know, shown with it; null where that
    /// signed it itself. What else is among them is left out.
    /// </summary>
    public X509Certificate2Collection? ClientCertificateChain { get; init; }

    /// <summary>The name expected in the nodes' certificates; null for the host that was dialled.</summary>
    public string? ServerName { get; init; }

    /// <summary>The same as a connection takes it.</summary>
    public SslClientAuthenticationOptions ToSslOptions() => new()
    {
        TargetHost = ServerName,
        // Offline: what is shown is what is given, and no authority is asked for more.
        ClientCertificateContext = ClientCertificate is { } certificate
            ? SslStreamCertificateContext.Create(certificate, ClientCertificateChain, offline: true)
            : null,
        CertificateChainPolicy = TrustedRoots is { } roots ? Trust(roots) : null,
    };

    private static X509ChainPolicy Trust(X509Certificate2Collection roots)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }
}
