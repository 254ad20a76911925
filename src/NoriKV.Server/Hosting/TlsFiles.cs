using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
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
    private readonly bool _trustsAll;
    private readonly ServerLog _log;
    private readonly SslClientAuthenticationOptions _towardsPeers;
    private volatile TlsMaterial _current;
    private string _state;
    private string _refused = "";

    private TlsFiles(string certificate, string key, string? authority, bool trustsAll, ServerLog log)
    {
        (_certificate, _key, _authority, _trustsAll, _log) = (certificate, key, authority, trustsAll, log);
        _state = StateOfFiles();
        _current = TlsMaterial.Read(certificate, key, authority);
        _towardsPeers = new SslClientAuthenticationOptions
        {
            ClientCertificateContext = _current.Context,
            RemoteCertificateValidationCallback = (_, peer, chain, found) => IsPeer(peer, chain, found),
        };
    }

    /// <summary>The files that are configured; null when none are.</summary>
    /// <exception cref="ServerStartException">A file is missing or not what it should be.</exception>
    public static TlsFiles? Load(ServerOptions options, ServerLog log) =>
        options.TlsCertificate is { } certificate && options.TlsKey is { } key
            ? new TlsFiles(certificate, key, options.TlsClientCa, options.Insecure, log)
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
            _towardsPeers.ClientCertificateContext = _current.Context;
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
        ClientCertificateValidation = (client, chain, _) => _current.IsTrusted(client, chain),
        OnAuthenticate = (_, handshake) =>
        {
            handshake.ServerCertificateContext = _current.Context;
            // A resumed session brings the certificate without its intermediates.
            handshake.AllowTlsResume = !_current.AsksForCertificates;
        },
    };

    /// <summary>
    /// How this node calls others: it gives the secret to nobody whose certificate it does not trust (decision 0223). What it shows
    /// changes with the files: each connection reads these options.
    /// </summary>
    public SslClientAuthenticationOptions ForPeers() => _towardsPeers;

    private bool IsPeer(X509Certificate? peer, X509Chain? shown, SslPolicyErrors found)
    {
        if (_current.WhyNoPeer(peer, shown, found) is not { } why || (_trustsAll && !_current.AsksForCertificates)) return true;
        string said = $"{peer?.Subject}: {why}";
        // Each connection is tried again and again.
        if (Interlocked.Exchange(ref _refused, said) != said)
            _log.Error("tls", "a node's certificate is refused", ("subject", peer?.Subject ?? "none"), ("reason", why));
        return false;
    }

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
