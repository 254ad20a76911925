using System.Buffers;
using System.Globalization;

namespace NoriKV.Client;

/// <summary>host:port, [v6]:port.</summary>
internal static class NodeAddress
{
    private static readonly SearchValues<char> NotInHost = SearchValues.Create(":/@?# ");

    public static bool IsValid(string? address)
    {
        if (string.IsNullOrWhiteSpace(address)) return false;
        int colon = address.LastIndexOf(':');
        if (colon <= 0) return false;
        ReadOnlySpan<char> host = address.AsSpan(0, colon);
        bool bracketed = host[0] == '[' && host[^1] == ']';
        if (!bracketed && host.ContainsAny(NotInHost)) return false;
        return ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            && port != 0;
    }
}
