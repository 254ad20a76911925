using System.Globalization;

namespace NoriKV.Cli.Events;

/// <summary>A place among a node's events: numbers begin anew with each of its processes. As text <c>EPOCH.SEQ</c>.</summary>
/// <param name="Epoch">Which process.</param>
/// <param name="Sequence">The number of an event; 0: before the first.</param>
internal readonly record struct EventPosition(long Epoch, long Sequence)
{
    /// <summary>Reads <c>EPOCH.SEQ</c>, or 0 for all that is remembered; null for anything else.</summary>
    public static EventPosition? TryParse(string text)
    {
        if (text == "0") return default(EventPosition);
        int dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || !TryNumber(text[..dot], out long epoch) || !TryNumber(text[(dot + 1)..], out long sequence)) return null;
        return new EventPosition(epoch, sequence);
    }

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
