namespace Nori.Observe.Prometheus;

/// <summary>A counter read when somebody looks.</summary>
internal sealed class ObservedCounter(Func<long> read) : ISeriesSource
{
    public void Write(SeriesWriter writer) => writer.Sample(read());

    public void Visit(IMetricVisitor visitor, ReadOnlySpan<Label> labels) => visitor.Number(labels, read());
}
