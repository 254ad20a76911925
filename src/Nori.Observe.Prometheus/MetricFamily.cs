using System.Text;

namespace Nori.Observe.Prometheus;

/// <summary>All series of one name. Guarded by the meter's lock.</summary>
internal sealed class MetricFamily(string name, string help, MetricKind kind)
{
    // Keyed by the labels as they are written, which sorts the output and makes equal labels one series.
    private readonly SortedDictionary<string, Series> _series = new(StringComparer.Ordinal);

    public string Name { get; } = name;

    public string Help { get; } = help;

    public MetricKind Kind { get; } = kind;

    public int Count => _series.Count;

    public Series[] Snapshot() => [.. _series.Values];

    public ISeriesSource? Find(string labels) => _series.GetValueOrDefault(labels).Source;

    public void Set(in SeriesLabels labels, ISeriesSource source) =>
        _series[labels.Written] = new Series(Encoding.UTF8.GetBytes(labels.Written), labels.Sorted, source);

    /// <summary>One series: its labels as written between the braces, as they are, and where its value comes from.</summary>
    internal readonly record struct Series(byte[] Labels, Label[] Sorted, ISeriesSource Source);
}
