namespace Nori.Observe.Prometheus;

/// <summary>The grammar of names.</summary>
internal static class MetricNames
{
    public static bool IsName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0])
        && All(name, c => char.IsAsciiLetterOrDigit(c) || c is '_' or ':');

    /// <summary>A label people may use: not the ones that the format itself writes.</summary>
    public static bool IsLabel(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && !name.StartsWith("__", StringComparison.Ordinal)
        && name is not ("le" or "quantile") && All(name, c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private static bool All(string text, Predicate<char> holds)
    {
        foreach (char c in text)
        {
            if (!holds(c)) return false;
        }

        return true;
    }
}
