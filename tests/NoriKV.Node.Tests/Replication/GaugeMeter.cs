using Nori.Observe;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Keeps observable gauges to be read by name, or by name and label values: <c>node_queued_items{log}</c>.</summary>
internal sealed class GaugeMeter : IMeter
{
    private readonly Dictionary<string, Func<double>> _gauges = [];

    public double this[string name] => _gauges[name]();

    public Counter Counter(string name, string help, params ReadOnlySpan<Label> labels) => NullMeter.Instance.Counter(name, help, labels);

    public Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels) => NullMeter.Instance.Gauge(name, help, labels);

    public Histogram Histogram(string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels) =>
        NullMeter.Instance.Histogram(name, help, buckets, labels);

    public void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels)
    {
        string key = labels.IsEmpty ? name : $"{name}{{{string.Join(',', labels.ToArray().Select(static l => l.Value))}}}";
        _gauges[key] = read;
    }

    public void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels)
    {
    }
}
