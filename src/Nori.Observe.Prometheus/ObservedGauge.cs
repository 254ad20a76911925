namespace Nori.Observe.Prometheus;

/// <summary>A gauge, or a counter with a fraction, read when somebody looks.</summary>
internal sealed class ObservedGauge(Func<double> read) : ISeriesSource
{
    public void Write(SeriesWriter writer) => writer.Sample(read());

    public void Visit(IMetricVisitor visitor, ReadOnlySpan<Label> labels) => visitor.Number(labels, read());
}
