namespace Nori.Observe;

/// <summary>Measures nothing, at the cost of an empty virtual call.</summary>
public sealed class NullMeter : IMeter
{
    private static readonly NullCounter SharedCounter = new();
    private static readonly NullGauge SharedGauge = new();
    private static readonly NullHistogram SharedHistogram = new();

    /// <summary>The one there is.</summary>
    public static NullMeter Instance { get; } = new();

    /// <inheritdoc/>
    public Counter Counter(string name, string help, params ReadOnlySpan<Label> labels) => SharedCounter;

    /// <inheritdoc/>
    public Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels) => SharedGauge;

    /// <inheritdoc/>
    public void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels)
    {
    }

    /// <inheritdoc/>
    public void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels)
    {
    }

    /// <inheritdoc/>
    public Histogram Histogram(
        string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels) => SharedHistogram;

    private sealed class NullCounter : Counter
    {
        public override void Add(long delta = 1)
        {
        }
    }

    private sealed class NullGauge : Gauge
    {
        public override void Set(double value)
        {
        }

        public override void Add(double delta)
        {
        }
    }

    private sealed class NullHistogram : Histogram
    {
        public override void Record(double value)
        {
        }

        public override void Record(ReadOnlySpan<double> values)
        {
        }
    }
}
