using System.Text;

namespace NoriKV.Node.Entries;

/// <summary>By what an entry is recognised when it comes twice.</summary>
/// <param name="Kind">Which of the fields count.</param>
/// <param name="Id">The idempotency key, the session's id, or node number and boot epoch.</param>
/// <param name="Sequence">Of sessions: rises with each call.</param>
/// <param name="UnixMs">Of client sessions: when the call was first made, by the client's clock.</param>
public readonly record struct EntrySession(SessionKind Kind, ReadOnlyMemory<byte> Id, ulong Sequence, ulong UnixMs)
{
    /// <summary>None.</summary>
    public static EntrySession None => default;

    /// <summary>
    /// Reads what a caller sent: the form <c>s1:session:sequence:unix ms</c> is a client session, anything else is an
    /// idempotency key, empty is none.
    /// </summary>
    public static EntrySession Parse(string? idempotencyKey)
    {
        if (string.IsNullOrEmpty(idempotencyKey)) return None;
        if (TryParseClientSession(idempotencyKey, out EntrySession session)) return session;
        return new EntrySession(SessionKind.IdempotencyKey, Encoding.UTF8.GetBytes(idempotencyKey), 0, 0);
    }

    /// <summary>The string it was parsed from; of a client session that has the canonical form it is the same bytes.</summary>
    public byte[] ToIdempotencyKey() => Kind == SessionKind.ClientSession
        ? Encoding.UTF8.GetBytes($"s1:{Encoding.UTF8.GetString(Id.Span)}:{Sequence}:{UnixMs}")
        : Id.ToArray();

    private static bool TryParseClientSession(string text, out EntrySession session)
    {
        session = default;
        if (!text.StartsWith("s1:", StringComparison.Ordinal)) return false;
        int last = text.LastIndexOf(':');
        int middle = last > 3 ? text.LastIndexOf(':', last - 1) : -1;
        if (middle <= 3) return false;
        ReadOnlySpan<char> name = text.AsSpan(3, middle - 3);
        if (name.Contains(':')
            || !TryParseCanonical(text.AsSpan(middle + 1, last - middle - 1), out ulong sequence)
            || !TryParseCanonical(text.AsSpan(last + 1), out ulong unixMs)
            || unixMs > long.MaxValue)
        {
            return false;
        }

        session = new EntrySession(
            SessionKind.ClientSession, Encoding.UTF8.GetBytes(name.ToString()), sequence, unixMs);
        return true;
    }

    // Only the canonical digits: otherwise two different strings would be one request.
    private static bool TryParseCanonical(ReadOnlySpan<char> digits, out ulong value) =>
        ulong.TryParse(digits, System.Globalization.NumberStyles.None, null, out value)
        && (digits.Length == 1 || digits[0] != '0');
}
