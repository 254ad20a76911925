using System.Globalization;

namespace Nori.Observe.Prometheus;

/// <summary>Which format an HTTP request asks for, and what to call it in the answer.</summary>
public static class ExpositionFormats
{
    /// <summary>The value of the answer's Content-Type.</summary>
    public static string ContentType(this ExpositionFormat format) => format == ExpositionFormat.OpenMetrics
        ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
        : "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>
    /// The format for an Accept header: OpenMetrics when it is named (version 1.0.0 or none) and preferred at
    /// least as much as plain text, else the Prometheus text that everybody reads.
    /// </summary>
    public static ExpositionFormat FromAccept(string? accept)
    {
        double openMetrics = 0, text = 0;
        foreach (string range in (accept ?? string.Empty).Split(',', StringSplitOptions.TrimEntries))
        {
            string[] parts = range.Split(';', StringSplitOptions.TrimEntries);
            string version = Parameter(parts, "version") ?? string.Empty;
            double quality = Quality(Parameter(parts, "q"));
            if (parts[0].Equals("application/openmetrics-text", StringComparison.OrdinalIgnoreCase))
            {
                if (version is "" or "1.0.0") openMetrics = Math.Max(openMetrics, quality);
            }
            else if (parts[0].Equals("text/plain", StringComparison.OrdinalIgnoreCase))
            {
                text = Math.Max(text, quality);
            }
        }

        return openMetrics > 0 && openMetrics >= text ? ExpositionFormat.OpenMetrics : ExpositionFormat.PrometheusText;
    }

    private static string? Parameter(string[] parts, string name)
    {
        foreach (string part in parts.AsSpan(1))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && part.AsSpan(0, equals).Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
                return part[(equals + 1)..].Trim().Trim('"');
        }

        return null;
    }

    private static double Quality(string? text) =>
        text is null ? 1
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double q) ? q
        : 0;
}
