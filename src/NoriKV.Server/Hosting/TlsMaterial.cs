using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NoriKV.Server;

/// <summary>What the files of tls.cert, tls.key and tls.client_ca held at one moment.</summary>
internal sealed class TlsMaterial
{
    private readonly X509Certificate2Collection? _roots;

    private TlsMaterial(X509Certificate2 certificate, X509Certificate2Collection chain, X509Certificate2Collection? roots)
    {
        Certificate = certificate;
        // Offline: what is sent is what the file has, and no authority is asked for more.
        Context = SslStreamCertificateContext.Create(certificate, chain, offline: true);
        _roots = roots;
    }

    /// <summary>This node's certificate with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The same with the certificates between it and its authority, as others are shown it.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Whether others must show a certificate.</summary>
    public bool AsksForCertificates => _roots is not null;

    /// <summary>Reads the files.</summary>
    /// <exception cref="ServerStartException">A file is missing or not what it should be.</exception>
    public static TlsMaterial Read(string certificate, string key, string? authority) => new(
        Read("tls.cert and tls.key", () => X509Certificate2.CreateFromPemFile(certificate, key)),
        Read("tls.cert", () => Collection(certificate)),
        authority is null ? null : Read("tls.client_ca", () => Collection(authority)));

    /// <summary>
    /// Why a node that shows this is not taken for a peer; null where it is. With an authority it must be of that one, whatever it names:
    /// members dial addresses. Without one it must be good where it is dialed by what this machine trusts.
    /// </summary>
    /// <param name="peer">What it shows.</param>
    /// <param name="shown">The chain of the handshake, with what else it shows.</param>
    /// <param name="found">What the machine's own trust and the name that was dialed say of it.</param>
    public string? WhyNoPeer(X509Certificate? peer, X509Chain? shown, SslPolicyErrors found)
    {
        if (_roots is not null) return IsTrusted(peer, shown) ? null : "it is not of tls.client_ca";
        return found == SslPolicyErrors.None
            ? null
            : $"this machine does not trust it under the name that is dialed ({found}): set tls.client_ca to the authority of the nodes' "
                + "certificates";
    }

    /// <summary>True for a certificate of the configured authority; without one, for any.</summary>
    /// <param name="peer">What it shows.</param>
    /// <param name="shown">The chain of the handshake, with what else it shows.</param>
    public bool IsTrusted(X509Certificate? peer, X509Chain? shown)
    {
        if (_roots is null) return true;
        if (peer is not X509Certificate2 certificate) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_roots);

        // What came with it may lead to a root; it never is one.
        if (shown is not null) chain.ChainPolicy.ExtraStore.AddRange(shown.ChainPolicy.ExtraStore);

        // Nobody who is not trusted yet names addresses that this node asks.
        chain.ChainPolicy.DisableCertificateDownloads = true;

        // An authority of one's own rarely publishes revocations; short-lived certificates do that work.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
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
