namespace Nori.Observe.Otlp;

/// <summary>
/// opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest, cumulative since the exporter's start.
/// <code>
/// Metric { 1: name, 2: description, 3: unit, 5: Gauge | 7: Sum | 9: Histogram }
/// Gauge { 1: NumberDataPoint… }   Sum { 1: NumberDataPoint…, 2: cumulative, 3: monotonic }
/// Histogram { 1: HistogramDataPoint…, 2: cumulative }
/// NumberDataPoint { 2: start, 3: time, 4: double | 6: integer, 7: KeyValue… }
/// HistogramDataPoint { 2: start, 3: time, 4: count, 5: sum, 6: counts, 7: bounds, 8: Exemplar…, 9: KeyValue… }
/// Exemplar { 2: time, 3: double, 4: span id, 5: trace id }
/// </code>
/// </summary>
internal sealed class MetricEncoder(ProtoWriter writer) : IMetricVisitor
{
    private const int GaugeField = 5;
    private const int SumField = 7;
    private const int HistogramField = 9;
    private const int Cumulative = 2;

    private ulong _start;
    private ulong _now;
    private MetricKind _kind;
    private int _metric;
    private int _data;

    /// <summary>Metrics of the last request.</summary>
    public int Families { get; private set; }

    public void Encode(IMetricSource source, IReadOnlyList<Label> resource, DateTimeOffset start, DateTimeOffset now)
    {
        (_start, _now) = (CommonEncoder.Nanoseconds(start), CommonEncoder.Nanoseconds(now));
        (_metric, Families) = (0, 0);
        (int, int) begun = CommonEncoder.Begin(writer, resource);
        source.Visit(this);
        EndFamily();
        CommonEncoder.End(writer, begun);
    }

    public void Family(string name, string help, MetricKind kind)
    {
        EndFamily();
        Families++;
        _kind = kind;
        _metric = writer.Begin(2);
        writer.Text(1, NameOf(name));
        writer.Text(2, help);
        if (UnitOf(name) is { Length: > 0 } unit) writer.Text(3, unit);
        _data = writer.Begin(kind switch
        {
            MetricKind.Counter => SumField,
            MetricKind.Gauge => GaugeField,
            _ => HistogramField,
        });
    }

    public void Number(ReadOnlySpan<Label> labels, long value)
    {
        int point = BeginPoint();
        writer.Fixed(6, (ulong)value);
        EndPoint(point, labels, 7);
    }

    public void Number(ReadOnlySpan<Label> labels, double value)
    {
        int point = BeginPoint();
        writer.Double(4, value);
        EndPoint(point, labels, 7);
    }

    public void Histogram(ReadOnlySpan<Label> labels, HistogramSnapshot snapshot)
    {
        int point = BeginPoint();
        writer.Fixed(4, (ulong)snapshot.Counts.Sum());
        writer.Double(5, snapshot.Sum);
        writer.Packed(6, snapshot.Counts);
        writer.Packed(7, snapshot.Bounds);
        foreach (Exemplar exemplar in snapshot.Exemplars)
        {
            int one = writer.Begin(8);
            writer.Fixed(2, CommonEncoder.Nanoseconds(exemplar.Time));
            writer.Double(3, exemplar.Value);
            writer.Id(4, exemplar.Trace.Span);
            writer.Id(5, exemplar.Trace.TraceHigh, exemplar.Trace.TraceLow);
            writer.End(one);
        }

        EndPoint(point, labels, 9);
    }

    /// <summary>A sum says that it is one; a collector adds the word again where a backend wants it.</summary>
    internal static string NameOf(string name) =>
        name.EndsWith("_total", StringComparison.Ordinal) ? name[..^"_total".Length] : name;

    /// <summary>The name's unit as UCUM says it; empty for a plain number.</summary>
    internal static string UnitOf(string name) => NameOf(name) switch
    {
        var n when n.EndsWith("_seconds", StringComparison.Ordinal) => "s",
        var n when n.EndsWith("_bytes", StringComparison.Ordinal) => "By",
        var n when n.EndsWith("_ratio", StringComparison.Ordinal) => "1",
        _ => string.Empty,
    };

    private void EndFamily()
    {
        if (_metric == 0) return;
        if (_kind != MetricKind.Gauge) writer.Number(2, Cumulative);
        if (_kind == MetricKind.Counter) writer.Number(3, 1);
        writer.End(_data);
        writer.End(_metric);
        _metric = 0;
    }

    private int BeginPoint()
    {
        int point = writer.Begin(1);
        if (_kind != MetricKind.Gauge) writer.Fixed(2, _start);
        writer.Fixed(3, _now);
        return point;
    }

    private void EndPoint(int point, ReadOnlySpan<Label> labels, int field)
    {
        foreach (Label label in labels) CommonEncoder.Attribute(writer, field, label);
        writer.End(point);
    }
}
