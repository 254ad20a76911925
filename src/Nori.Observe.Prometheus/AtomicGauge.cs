namespace Nori.Observe.Prometheus;

/// <summary>A gauge in one word.</summary>
internal sealed class AtomicGauge : Gauge, ISeriesSource
{
    private double _value;

    public override void Set(double value) => Volatile.Write(ref _value, value);

    public override void Add(double delta) => AtomicDouble.Add(ref _value, delta);

    public void Write(SeriesWriter writer) => writer.Sample(Volatile.Read(ref _value));

    public void Visit(IMetricVisitor visitor, ReadOnlySpan<Label> labels) => visitor.Number(labels, Volatile.Read(ref _value));
}
