using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;

namespace Nori.Storage.Bench.Running;

/// <summary>Times in buckets that double: from 2^i to 2^(i+1) nanoseconds. One thread records.</summary>
internal sealed class Latencies
{
    private readonly long[] _counts = new long[48];

    public long Count => _counts.Sum();

    public double MaxMs { get; private set; }

    /// <summary>Everything at or above a millisecond, together.</summary>
    public double StalledMs { get; private set; }

    public string Summary => Text(
        $"{Count} times; p50 {Micros(0.5)}, p99 {Micros(0.99)}, p99.9 {Micros(0.999)}, longest {MaxMs:F2} ms; ")
        + Text($"{StalledMs:F0} ms in those of 1 ms and more");

    public void Record(long startedTicks, long endedTicks) =>
        RecordMs((endedTicks - startedTicks) * 1000.0 / Stopwatch.Frequency);

    public void RecordMs(double ms)
    {
        _counts[BitOperations.Log2((ulong)Math.Clamp(ms * 1e6, 1, 1e14))]++;
        if (ms > MaxMs) MaxMs = ms;
        if (ms >= 1) StalledMs += ms;
    }

    /// <summary>The upper end of the bucket that holds the quantile, in nanoseconds.</summary>
    public double Quantile(double part)
    {
        long below = 0, all = Count;
        for (int i = 0; i < _counts.Length; i++)
        {
            below += _counts[i];
            if (below >= part * all) return Math.Pow(2, i + 1);
        }

        return 0;
    }

    /// <summary>A line for each bucket that holds any, from the first of a tenth of a millisecond on.</summary>
    public IEnumerable<string> Lines()
    {
        for (int i = 16; i < _counts.Length; i++)
            if (_counts[i] > 0) yield return Text($"{Math.Pow(2, i) / 1e6,9:F2} to {Math.Pow(2, i + 1) / 1e6,9:F2} ms {_counts[i],10}");
    }

    public JsonArray ToJson() => new([.. Enumerable.Range(0, _counts.Length).Where(i => _counts[i] > 0).Select(i => (JsonNode)new JsonObject
    {
        ["fromMicros"] = Math.Round(Math.Pow(2, i) / 1000, 3),
        ["count"] = _counts[i],
    })]);

    private string Micros(double part) => Text($"≤ {Quantile(part) / 1000:F1} µs");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
