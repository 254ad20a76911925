namespace Nori.Observe.Prometheus;

/// <summary>A gauge, or a counter with a fraction, read when somebody looks; one that is no number then is left out.</summary>
internal sealed class ObservedGauge(Func<double> read) : ISeriesSource
{
    public void Write(SeriesWriter writer)
    {
        double value = read();
        if (!double.IsNaN(value)) writer.Sample(value);
    }

    public void Visit(IMetricVisitor visitor, ReadOnlySpan<Label> labels)
    {
        double value = read();
        if (!double.IsNaN(value)) visitor.Number(labels, value);
    }
}
