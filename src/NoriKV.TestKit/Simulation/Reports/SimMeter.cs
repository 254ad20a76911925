using Nori.Observe;

namespace NoriKV.TestKit.Simulation.Reports;

/// <summary>Takes the nodes' counters as probes: what production counts, a run counts too. Durations are not looked at.</summary>
internal sealed class SimMeter(Probes probes) : IMeter
{
    public Counter Counter(string name, string help, params ReadOnlySpan<Label> labels)
    {
        string series = $"metric.{name}";
        foreach (Label label in labels) series += $".{label.Value}";
        return new ProbeCounter(probes, series);
    }

    public Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels) =>
        NullMeter.Instance.Gauge(name, help);

    public void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels)
    {
    }

    public void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels)
    {
    }

    public Histogram Histogram(
        string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels) =>
        NullMeter.Instance.Histogram(name, help, buckets);

    private sealed class ProbeCounter(Probes probes, string series) : Counter
    {
        private readonly string? _rare = series switch
        {
            "metric.raft_snapshots_total.delivered" => "snapshot.installed",
            "metric.raft_snapshots_total.failed" => "snapshot.failed",
            _ => null,
        };

        public override void Add(long delta = 1)
        {
            probes.Hit(series, delta);
            if (_rare is not null) probes.Hit(_rare, delta);
        }
    }
}
