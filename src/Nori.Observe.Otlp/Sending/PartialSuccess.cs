namespace Nori.Observe.Otlp;

/// <summary>
/// Reads how much of a request the collector refused.
/// <code>
/// ExportTraceServiceResponse / ExportMetricsServiceResponse { 1: PartialSuccess { 1: rejected items, 2: text } }
/// </code>
/// </summary>
internal static class PartialSuccess
{
    /// <summary>Items refused; 0 also for bytes that say nothing we understand, which is no reason to send again.</summary>
    public static long Rejected(ReadOnlySpan<byte> response) =>
        TryFind(response, 1, out ReadOnlySpan<byte> partial, out _) && TryFind(partial, 1, out _, out ulong count)
            ? (long)Math.Min(count, long.MaxValue)
            : 0;

    private static bool TryFind(ReadOnlySpan<byte> message, ulong field, out ReadOnlySpan<byte> bytes, out ulong number)
    {
        bytes = default;
        number = 0;
        while (TryVarint(ref message, out ulong tag))
        {
            switch (tag & 7)
            {
                case 0:
                    if (!TryVarint(ref message, out number)) return false;
                    break;
                case 1:
                    if (message.Length < 8) return false;
                    message = message[8..];
                    break;
                case 2:
                    if (!TryVarint(ref message, out ulong length) || length > (ulong)message.Length) return false;
                    bytes = message[..(int)length];
                    message = message[(int)length..];
                    break;
                case 5:
                    if (message.Length < 4) return false;
                    message = message[4..];
                    break;
                default:
                    return false;
            }

            if (tag >> 3 == field) return true;
        }

        return false;
    }

    private static bool TryVarint(ref ReadOnlySpan<byte> message, out ulong value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(10, message.Length); i++)
        {
            value |= (ulong)(message[i] & 0x7F) << (7 * i);
            if (message[i] >= 0x80) continue;
            message = message[(i + 1)..];
            return true;
        }

        return false;
    }
}
