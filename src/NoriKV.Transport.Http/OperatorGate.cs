using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using NoriKV.Node;

namespace NoriKV.Transport.Http;

/// <summary>
/// Who may change the cluster or the node over HTTP: the rule of the Admin service. Callers on this machine, with a verified client
/// certificate, or with the peer secret in the header <c>norikv-peer-secret</c>; anyone where the server is insecure. Then the
/// authorizer is asked.
/// </summary>
internal sealed class OperatorGate(HttpFacadeParts parts)
{
    internal const string SecretHeader = "norikv-peer-secret";

    private readonly byte[]? _secret = parts.Options.PeerSecret is { } secret ? Encoding.UTF8.GetBytes(secret) : null;

    public bool IsOpenTo(HttpContext http)
    {
        string principal = http.Connection.ClientCertificate?.Subject ?? "";
        return IsTrusted(http) && parts.Authorizer.IsAllowed(AccessRequest.Of(principal, AccessAction.Administer));
    }

    private bool IsTrusted(HttpContext http) =>
        parts.Options.Insecure || http.Connection.ClientCertificate is not null || IsLoopback(http) || HasSecret(http);

    private static bool IsLoopback(HttpContext http) => http.Connection.RemoteIpAddress is { } from
        && IPAddress.IsLoopback(from.IsIPv4MappedToIPv6 ? from.MapToIPv4() : from)
        && IsOwnName(http.Request.Host.Host);

    // A page from elsewhere in a browser on this machine can have its own name resolve to this machine (DNS rebinding), and its
    // requests come from here. Then the host that they name is the page's: a name with a dot, not an address.
    private static bool IsOwnName(string host) =>
        host.Length == 0 || !host.Contains('.') || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || IPAddress.TryParse(host.Trim('[', ']'), out _);

    private bool HasSecret(HttpContext http) => _secret is not null
        && (string?)http.Request.Headers[SecretHeader] is { Length: > 0 } offered
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(offered), _secret);
}
