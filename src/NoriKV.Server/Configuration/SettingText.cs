using System.Globalization;

namespace NoriKV.Server;

/// <summary>Reads values as people write them. Each returns false with what was expected.</summary>
internal static class SettingText
{
    private static readonly (string Unit, double Milliseconds)[] TimeUnits =
    [
        ("ms", 1), ("us", 0.001), ("µs", 0.001), ("s", 1000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000),
        ("d", 86_400_000),
    ];

    private static readonly (string Unit, long Bytes)[] ByteUnits =
    [
        ("", 1), ("b", 1), ("k", 1L << 10), ("kb", 1000), ("kib", 1L << 10), ("m", 1L << 20), ("mb", 1_000_000),
        ("mib", 1L << 20), ("g", 1L << 30), ("gb", 1_000_000_000), ("gib", 1L << 30), ("t", 1L << 40),
        ("tib", 1L << 40),
    ];

    public static bool TryNumber(string text, long least, long most, out long value, out string expected)
    {
        expected = $"a whole number from {least} to {most}";
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        return long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)
            && value >= least
            && value <= most;
    }

    public static bool TryBytes(string text, long least, long most, out long value, out string expected)
    {
        expected = $"a size from {least} to {most} bytes, such as 1048576, 64MiB or 1GB";
        (string number, string unit) = Split(text);
        value = 0;
        foreach ((string name, long bytes) in ByteUnits)
        {
            if (!name.Equals(unit, StringComparison.OrdinalIgnoreCase)) continue;
            if (!TryCount(number, out double count)) return false;
            double total = count * bytes;
            if (total != Math.Floor(total) || total > long.MaxValue / 2) return false;
            value = (long)total;
            return value >= least && value <= most;
        }

        return false;
    }

    public static bool TryDuration(string text, TimeSpan least, TimeSpan most, out TimeSpan value, out string expected)
    {
        expected = "a duration such as 500ms, 5s, 10m or 1h";
        (string number, string unit) = Split(text);
        value = default;
        foreach ((string name, double milliseconds) in TimeUnits)
        {
            if (!name.Equals(unit, StringComparison.Ordinal)) continue;
            if (!TryCount(number, out double count)) return false;
            double total = count * milliseconds;
            if (total > TimeSpan.FromDays(36_500).TotalMilliseconds) return false;
            value = TimeSpan.FromTicks((long)(total * TimeSpan.TicksPerMillisecond));
            if (value >= least && value <= most) return true;
            expected = $"a duration from {Shown(least)} to {Shown(most)}";
            return false;
        }

        return false;
    }

    public static bool TryBoolean(string text, out bool value, out string expected)
    {
        expected = "true or false";
        (bool known, value) = text.ToLowerInvariant() switch
        {
            "true" or "yes" or "on" or "1" or "" => (true, true),
            "false" or "no" or "off" or "0" => (true, false),
            _ => (false, false),
        };
        return known;
    }

    /// <summary>A number from 0 to 1; null for anything else.</summary>
    public static double? Ratio(string text) => TryCount(text, out double ratio) && ratio is >= 0 and <= 1 ? ratio : null;

    public static string Shown(TimeSpan duration) =>
        duration.TotalMilliseconds < 1000 ? $"{duration.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)}ms"
        : duration.TotalSeconds < 120 ? $"{duration.TotalSeconds.ToString(CultureInfo.InvariantCulture)}s"
        : duration.TotalMinutes < 120 ? $"{duration.TotalMinutes.ToString(CultureInfo.InvariantCulture)}m"
        : $"{duration.TotalHours.ToString(CultureInfo.InvariantCulture)}h";

    public static string Shown(long bytes) =>
        bytes != 0 && bytes % (1L << 30) == 0 ? $"{bytes >> 30}GiB"
        : bytes != 0 && bytes % (1L << 20) == 0 ? $"{bytes >> 20}MiB"
        : bytes != 0 && bytes % (1L << 10) == 0 ? $"{bytes >> 10}KiB"
        : bytes.ToString(CultureInfo.InvariantCulture);

    private static bool TryCount(string text, out double count) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out count);

    private static (string Number, string Unit) Split(string text)
    {
        text = text.Trim().Replace("_", "", StringComparison.Ordinal);
        int end = 0;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.')) end++;
        return (text[..end], text[end..].Trim());
    }
}
