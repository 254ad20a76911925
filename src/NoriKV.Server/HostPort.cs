using System.Globalization;
using System.Net;

namespace NoriKV.Server;

/// <summary>
/// A host name or address with a port, as written by people: <c>db1:7447</c>, <c>127.0.0.1:0</c>,
/// <c>[::1]:7447</c>.
/// </summary>
public sealed record HostPort(string Host, int Port)
{
    /// <summary>True for the addresses that mean "every interface": to listen on, never to dial.</summary>
    public bool IsWildcard =>
        Host is "*" or "+"
        || (IPAddress.TryParse(Host, out IPAddress? ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)));

    /// <summary>
    /// Reads <c>host:port</c>; <c>:port</c> is every interface, and without a port the default one is meant.
    /// </summary>
    public static bool TryParse(string text, int defaultPort, out HostPort? address)
    {
        address = null;
        text = text.Trim();
        string host = text;
        int port = defaultPort;
        int colon = text.LastIndexOf(':');
        bool bracketed = text.StartsWith('[');
        bool bareIpv6 = !bracketed && colon > 0 && text.IndexOf(':', StringComparison.Ordinal) != colon;
        if (colon >= 0 && !bareIpv6 && !text.EndsWith(']'))
        {
            host = text[..colon];
            if (!int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port)
                || port > IPEndPoint.MaxPort) return false;
        }

        if (bracketed)
        {
            if (!host.EndsWith(']')) return false;
            host = host[1..^1];
            if (!IPAddress.TryParse(host, out _)) return false;
        }
        else if (host.Length == 0)
        {
            if (colon != 0) return false;
            host = "0.0.0.0";
        }

        if (host != "*" && host != "+" && Uri.CheckHostName(host) == UriHostNameType.Unknown) return false;
        address = new HostPort(host, port);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
