using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>The query parameters of a read: <c>consistency</c> and <c>max_staleness_ms</c>.</summary>
internal static class ReadParameters
{
    public static ReadOptions Parse(RawTarget target)
    {
        string text = target.Text("consistency") ?? "";
        if (!ConsistencyNames.TryParse(text, out Consistency consistency))
            throw new BadTargetException($"unknown consistency '{(text.Length > 40 ? text[..40] : text)}'");
        return new ReadOptions
        {
            Consistency = consistency,
            MaxStaleness = WireDuration.FromMilliseconds(target.Number("max_staleness_ms") ?? 0),
        };
    }
}
