using System.Globalization;

namespace NoriKV.Cli.Console;

/// <summary>Durations and sizes as people write them.</summary>
internal static class Durations
{
    /// <summary>Reads 500ms, 10s, 5m, 2h, 7d; a bare number is seconds.</summary>
    public static bool TryParse(string text, out TimeSpan span)
    {
        span = default;
        int digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.')) digits++;
        ReadOnlySpan<char> figure = text.AsSpan(0, digits);
        if (!double.TryParse(figure, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
            return false;
        double? ms = text[digits..] switch
        {
            "ms" => 1,
            "" or "s" => 1000,
            "m" or "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => null,
        };
        if (ms is null || number * ms > 1e14) return false;
        span = TimeSpan.FromMilliseconds(number * ms.Value);
        return true;
    }

    /// <summary>Reads 100, 4k, 1m (powers of 1,024).</summary>
    public static bool TryParseBytes(string text, out int bytes)
    {
        bytes = 0;
        int shift = text.Length == 0 ? 0 : char.ToLowerInvariant(text[^1]) switch { 'k' => 10, 'm' => 20, _ => 0 };
        ReadOnlySpan<char> digits = shift == 0 ? text : text.AsSpan(0, text.Length - 1);
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number)) return false;
        if ((long)number << shift > int.MaxValue) return false;
        bytes = number << shift;
        return true;
    }
}
