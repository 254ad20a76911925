using Nori.Observe.Prometheus;

namespace Nori.Observe.Otlp.Tests;

/// <summary>An exporter with its clock, a tracer and a meter.</summary>
internal sealed class Subject : IDisposable
{
    public Subject(Uri endpoint, OtlpProtocol protocol, Func<OtlpOptions, OtlpOptions>? change = null, IOtlpSender? sender = null)
    {
        var options = new OtlpOptions
        {
            Endpoint = endpoint,
            Protocol = protocol,
            Headers = [new("x-token", "secret")],
            Resource = [new Label("service.name", "norikv"), new Label("service.instance.id", "n1")],
        };
        Options = change?.Invoke(options) ?? options;
        Meter = new PrometheusMeter(new PrometheusOptions { ProcessMetrics = false, RuntimeMetrics = false, Time = Clock });
        Exporter = new OtlpExporter(Options, Meter, Meter, Clock, sender);
        Tracer = new Tracer(Exporter, 42, new TracerOptions { SampleRatio = 1, SpansPerSecondMax = int.MaxValue }, Clock);
    }

    public Clock Clock { get; } = new();

    public OtlpOptions Options { get; }

    public PrometheusMeter Meter { get; }

    public OtlpExporter Exporter { get; }

    public Tracer Tracer { get; }

    public Span End(string name, SpanKind kind = SpanKind.Server, TraceContext caller = default)
    {
        Span span = Tracer.Begin(name, kind, caller)!;
        span.End();
        return span;
    }

    public long Spans(string result)
    {
        var seen = new Finder("norikv_otlp_spans_total", result);
        Meter.Visit(seen);
        return seen.Found;
    }

    public void Dispose() => Exporter.Dispose();

    private sealed class Finder(string name, string result) : IMetricVisitor
    {
        private bool _here;

        public long Found { get; private set; }

        public void Family(string family, string help, MetricKind kind) => _here = family == name;

        public void Number(ReadOnlySpan<Label> labels, long value)
        {
            if (_here && labels[0].Value == result) Found = value;
        }

        public void Number(ReadOnlySpan<Label> labels, double value)
        {
        }

        public void Histogram(ReadOnlySpan<Label> labels, HistogramSnapshot snapshot)
        {
        }
    }
}
