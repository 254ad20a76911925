namespace Nori.Observe.Prometheus.Tests;

public sealed class ExemplarTests
{
    private static readonly TraceContext Trace = new(0x4bf92f3577b34da6, 0xa3ce929d0e0e4736, 0x00f067aa0ba902b7, true);

    private readonly PrometheusMeter _meter = new(Exposition.Bare with { Time = new FixedClock() });

    [Fact]
    public void Open_metrics_shows_the_latest_sampled_value_of_each_bucket()
    {
        Histogram histogram = _meter.Histogram("h", "h", new[] { 0.5, 1 });
        histogram.Record(0.1, Trace with { Span = 1 });
        histogram.Record(0.25, Trace);
        histogram.Record(0.75, Trace with { IsSampled = false });
        histogram.Record(3);
        Assert.Equal(
            """
            # HELP norikv_h h
            # TYPE norikv_h histogram
            norikv_h_bucket{le="0.5"} 2 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736",span_id="00f067aa0ba902b7"} 0.25 1700000000.500
            norikv_h_bucket{le="1.0"} 3
            norikv_h_bucket{le="+Inf"} 4
            norikv_h_sum 4.1
            norikv_h_count 4
            # EOF

            """.ReplaceLineEndings("\n"),
            _meter.Text(ExpositionFormat.OpenMetrics));
        Assert.DoesNotContain("trace_id", _meter.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_visitor_sees_what_is_written()
    {
        _meter.Counter("c_total", "c", new Label("result", "ok"), new Label("kind", "a")).Add(2);
        _meter.Gauge("g", "g").Set(0.5);
        _meter.ObservableGauge("broken", "b", () => throw new InvalidOperationException());
        Histogram histogram = _meter.Histogram("h", "h", new[] { 0.5, 1 });
        histogram.Record(0.25, Trace);
        histogram.Record(3);
        var seen = new Seen();
        _meter.Visit(seen);
        Assert.Equal(
            [
                "norikv_broken Gauge", "norikv_c_total Counter", "kind=a,result=ok 2", "norikv_g Gauge", " 0.5", "norikv_h Histogram",
                " 0.5,1 1,0,1 3.25 00f067aa0ba902b7",
            ],
            seen.Lines);
    }

    [Fact]
    public void Recording_with_a_trace_that_is_not_sampled_allocates_nothing()
    {
        Histogram histogram = _meter.Histogram("h", "h", Buckets.Latency);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++) histogram.Record(0.001, default);
        }));
    }

    private sealed class Seen : IMetricVisitor
    {
        public List<string> Lines { get; } = [];

        public void Family(string name, string help, MetricKind kind) => Lines.Add($"{name} {kind}");

        public void Number(ReadOnlySpan<Label> labels, long value) => Lines.Add(FormattableString.Invariant($"{Text(labels)} {value}"));

        public void Number(ReadOnlySpan<Label> labels, double value) => Lines.Add(FormattableString.Invariant($"{Text(labels)} {value}"));

        public void Histogram(ReadOnlySpan<Label> labels, HistogramSnapshot snapshot) => Lines.Add(FormattableString.Invariant(
            $"{Text(labels)} {string.Join(',', snapshot.Bounds)} {string.Join(',', snapshot.Counts)} {snapshot.Sum}")
            + $" {snapshot.Exemplars[0].Trace.SpanId}");

        private static string Text(ReadOnlySpan<Label> labels) =>
            string.Join(',', labels.ToArray().Select(static l => $"{l.Name}={l.Value}"));
    }

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500);
    }
}
