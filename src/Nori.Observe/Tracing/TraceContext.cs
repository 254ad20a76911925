using System.Globalization;

namespace Nori.Observe;

/// <summary>
/// Where a piece of work stands in a trace: the W3C trace context (https://www.w3.org/TR/trace-context/), which travels as
/// the header or metadata <c>traceparent</c>.
/// <code>
/// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
/// version-trace id, 16 bytes        -span id, 8 bytes -flags (1: sampled)
/// </code>
/// </summary>
/// <param name="TraceHigh">The first eight bytes of the trace's id.</param>
/// <param name="TraceLow">The last eight bytes of the trace's id.</param>
/// <param name="Span">The id of the span; never 0 in a context that is one.</param>
/// <param name="IsSampled">Whether whoever began the trace records it.</param>
public readonly record struct TraceContext(ulong TraceHigh, ulong TraceLow, ulong Span, bool IsSampled)
{
    /// <summary>The name of the header.</summary>
    public const string Header = "traceparent";

    /// <summary>The length of the header's value.</summary>
    public const int TextLength = 55;

    /// <summary>The name of the header that carries <see cref="State"/>.</summary>
    public const string StateHeader = "tracestate";

    /// <summary>Characters of <see cref="State"/> that are passed on; a longer one is left out whole, as the standard allows.</summary>
    public const int StateLengthMax = 512;

    /// <summary>
    /// What tracing systems on the way wrote beside it (<c>tracestate</c>): passed on as it came, never read. Null for nothing.
    /// </summary>
    public string? State { get; init; }

    /// <summary>True for no context at all.</summary>
    public bool IsNone => (TraceHigh | TraceLow) == 0 || Span == 0;

    /// <summary>The trace's id as 32 hexadecimal digits.</summary>
    public string TraceId => string.Create(CultureInfo.InvariantCulture, $"{TraceHigh:x16}{TraceLow:x16}");

    /// <summary>The span's id as 16 hexadecimal digits.</summary>
    public string SpanId => Span.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>
    /// Reads a <c>traceparent</c>. False, and no context, for anything else: a receiver then begins a trace of its own.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TraceContext context)
    {
        context = default;
        if (text.Length < TextLength || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
        if (!TryHex(text[..2], out ulong version) || version == 0xFF) return false;

        // A later version may say more, behind another dash; this one may not.
        if (text.Length > TextLength && (version == 0 || text[TextLength] != '-')) return false;
        if (!TryHex(text[3..19], out ulong high) || !TryHex(text[19..35], out ulong low)) return false;
        if (!TryHex(text[36..52], out ulong span) || !TryHex(text[53..55], out ulong flags)) return false;
        var read = new TraceContext(high, low, span, (flags & 1) != 0);
        if (read.IsNone) return false;
        context = read;
        return true;
    }

    /// <summary>
    /// The same place with a <c>tracestate</c>; without one where the text is none that may be passed on, or this is no place.
    /// </summary>
    public TraceContext WithState(string? text)
    {
        bool isState = !IsNone && text is { Length: > 0 and <= StateLengthMax } && text.Contains('=', StringComparison.Ordinal)
            && text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0;
        return this with { State = isState ? text : null };
    }

    /// <summary>The value of <c>traceparent</c>; empty for none.</summary>
    public override string ToString() => IsNone
        ? string.Empty
        : string.Create(CultureInfo.InvariantCulture, $"00-{TraceHigh:x16}{TraceLow:x16}-{Span:x16}-{(IsSampled ? 1 : 0):x2}");

    // Lower case only, says the standard.
    private static bool TryHex(ReadOnlySpan<char> digits, out ulong value)
    {
        value = 0;
        foreach (char c in digits)
        {
            int digit = c is >= '0' and <= '9' ? c - '0' : c is >= 'a' and <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0) return false;
            value = (value << 4) | (uint)digit;
        }

        return true;
    }
}
