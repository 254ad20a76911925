using System.Security.Cryptography.X509Certificates;

namespace NoriKV.Client;

/// <summary>TLS towards the nodes.</summary>
public sealed record ClientTlsOptions
{
    /// <summary>The certificates that sign the nodes' ones; null for the system's.</summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <summary>This client's certificate with its private key, where the nodes ask for one.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>The name expected in the nodes' certificates; null for the host that was dialled.</summary>
    public string? ServerName { get; init; }
}
