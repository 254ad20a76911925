using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace NoriKV.Server;

/// <summary>How this node presents itself to peers, and whom it trusts among them.</summary>
internal static class PeerTls
{
    /// <summary>
    /// Members dial addresses, which certificates rarely name: with tls.client_ca the peer's must be of that authority;
    /// without, TLS hides the exchange from others only, and the secret says who speaks. Null: plaintext.
    /// </summary>
    public static SslClientAuthenticationOptions? Of(ServerOptions options)
    {
        if (TlsFiles.Load(options) is not { ServerCertificate: { } own } tls) return null;
        return new SslClientAuthenticationOptions
        {
            ClientCertificates = [own],
            RemoteCertificateValidationCallback = (_, peer, _, _) => tls.ClientCertificateValidation is not { } isTrusted
                || (peer is X509Certificate2 certificate && isTrusted(certificate, null, SslPolicyErrors.None)),
        };
    }
}
