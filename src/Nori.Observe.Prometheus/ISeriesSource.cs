namespace Nori.Observe.Prometheus;

/// <summary>Something with a current value.</summary>
internal interface ISeriesSource
{
    void Write(SeriesWriter writer);

    void Visit(IMetricVisitor visitor, ReadOnlySpan<Label> labels);
}
