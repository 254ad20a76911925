using System.Collections.Concurrent;
using Nori.Observe;

namespace NoriKV.Raft.Bench;

/// <summary>Keeps the measurements that the rows print: how often a histogram was recorded, what a counter says.</summary>
internal sealed class CountingMeter : IMeter
{
    private readonly ConcurrentDictionary<string, Tally> _tallies = new();

    public Counter Counter(string name, string help, params ReadOnlySpan<Label> labels) => new CountingCounter(Of(name));

    public Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels) =>
        NullMeter.Instance.Gauge(name, help, labels);

    public void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels)
    {
    }

    public void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels)
    {
    }

    public Histogram Histogram(
        string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels) =>
        new CountingHistogram(Of(name));

    /// <summary>The sum of a counter, or the number of values of a histogram, over all labels.</summary>
    public long Read(string name) => Of(name).Value;

    private Tally Of(string name) => _tallies.GetOrAdd(name, static _ => new Tally());

    private sealed class Tally
    {
        private long _value;

        public long Value => Interlocked.Read(ref _value);

        public void Add(long by) => Interlocked.Add(ref _value, by);
    }

    private sealed class CountingCounter(Tally tally) : Counter
    {
        public override void Add(long delta = 1) => tally.Add(delta);
    }

    private sealed class CountingHistogram(Tally tally) : Histogram
    {
        public override void Record(double value) => tally.Add(1);
    }
}
