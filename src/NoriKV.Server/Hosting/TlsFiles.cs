using System.Net.Security;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace NoriKV.Server;

/// <summary>
/// The certificates of this node, for both ports and towards peers, read again when their files change. Connections that are up
/// stay as they are; new ones get what is newest. Files that do not go together change nothing: whoever replaces them does so one
/// by one.
/// </summary>
internal sealed class TlsFiles
{
    private readonly string _certificate;
    private readonly string _key;
    private readonly string? _authority;
    private volatile TlsMaterial _current;
    private string _state;

    private TlsFiles(string certificate, string key, string? authority)
    {
        (_certificate, _key, _authority) = (certificate, key, authority);
        _state = StateOfFiles();
        _current = TlsMaterial.Read(certificate, key, authority);
    }

    /// <summary>The files that are configured; null when none are.</summary>
    /// <exception cref="ServerStartException">A file is missing or not what it should be.</exception>
    public static TlsFiles? Load(ServerOptions options) =>
        options.TlsCertificate is { } certificate && options.TlsKey is { } key
            ? new TlsFiles(certificate, key, options.TlsClientCa)
            : null;

    /// <summary>When the certificate in use ends.</summary>
    public DateTimeOffset Ends => _current.Certificate.NotAfter;

    /// <summary>Reads what has changed; one caller at a time.</summary>
    /// <returns>Null where nothing has; else whether it was taken over, and why not.</returns>
    public (bool IsTaken, string Why)? Refresh()
    {
        string state = StateOfFiles();
        if (state == _state) return null;
        _state = state;
        try
        {
            _current = TlsMaterial.Read(_certificate, _key, _authority);
            return (true, "");
        }
        catch (ServerStartException unusable)
        {
            return (false, unusable.Message);
        }
    }

    /// <summary>How a port serves: each handshake looks at what is newest.</summary>
    public HttpsConnectionAdapterOptions ForPort() => new()
    {
        ServerCertificate = _current.Certificate,
        ClientCertificateMode =
            _current.AsksForCertificates ? ClientCertificateMode.RequireCertificate : ClientCertificateMode.NoCertificate,
        ClientCertificateValidation = (client, _, _) => _current.IsTrusted(client),
        OnAuthenticate = (_, handshake) => handshake.ServerCertificateContext = _current.Context,
    };

    /// <summary>
    /// How this node calls others. Members dial addresses, which certificates rarely name: with tls.client_ca the peer's must be of
    /// that authority; without, TLS hides the exchange from others only, and the secret says who speaks.
    /// </summary>
    public SslClientAuthenticationOptions ForPeers() => new()
    {
        LocalCertificateSelectionCallback = (_, _, _, _, _) => _current.Certificate,
        RemoteCertificateValidationCallback = (_, peer, _, _) => _current.IsTrusted(peer),
    };

    // The content and not the time: secrets are mounted through links, whose own time stays.
    private string StateOfFiles()
    {
        string[] files = _authority is null ? [_certificate, _key] : [_certificate, _key, _authority];
        return string.Join(' ', files.Select(static file =>
        {
            try
            {
                return Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                return "none";
            }
        }));
    }
}
