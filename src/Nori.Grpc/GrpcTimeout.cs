using System.Globalization;

namespace Nori.Grpc;

/// <summary>
/// The <c>grpc-timeout</c> header: at most eight digits and a unit, <c>H M S m u n</c> for hours down to
/// nanoseconds.
/// </summary>
public static class GrpcTimeout
{
    private const long ValueMax = 99_999_999;

    private static readonly (char Unit, long Ticks)[] Units =
    [
        ('u', TimeSpan.TicksPerMicrosecond), ('m', TimeSpan.TicksPerMillisecond), ('S', TimeSpan.TicksPerSecond),
        ('M', TimeSpan.TicksPerMinute), ('H', TimeSpan.TicksPerHour),
    ];

    /// <summary>
    /// Formats in the finest unit that fits, rounded up; a negative timeout is written as zero.
    /// </summary>
    public static string Format(TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero) return "0n";
        foreach ((char unit, long ticks) in Units)
        {
            // Rounded up: a peer must never give up before its caller does.
            long value = (timeout.Ticks / ticks) + (timeout.Ticks % ticks == 0 ? 0 : 1);
            if (value <= ValueMax) return string.Create(CultureInfo.InvariantCulture, $"{value}{unit}");
        }

        return $"{ValueMax}H";
    }

    /// <summary>Parses a header; false when it is not of the form the protocol gives.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > 9) return false;
        if (!uint.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out uint value))
            return false;
        if (text[^1] == 'n')
        {
            timeout = TimeSpan.FromTicks((value + 99L) / 100);
            return true;
        }

        foreach ((char unit, long ticks) in Units)
        {
            if (unit != text[^1]) continue;
            timeout = TimeSpan.FromTicks(value * ticks);
            return true;
        }

        return false;
    }
}
