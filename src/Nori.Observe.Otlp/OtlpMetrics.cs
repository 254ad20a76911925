namespace Nori.Observe.Otlp;

/// <summary>What the exporter says of itself.</summary>
internal sealed class OtlpMetrics(IMeter meter)
{
    private readonly Counter[] _ok = [Requests(meter, "traces", "ok"), Requests(meter, "metrics", "ok")];
    private readonly Counter[] _failed = [Requests(meter, "traces", "error"), Requests(meter, "metrics", "error")];

    public Counter Exported { get; } = Spans(meter, "exported");

    /// <summary>The queue was full.</summary>
    public Counter Dropped { get; } = Spans(meter, "dropped");

    /// <summary>The collector took the request without them.</summary>
    public Counter Rejected { get; } = Spans(meter, "rejected");

    /// <summary>Their request failed for good.</summary>
    public Counter Failed { get; } = Spans(meter, "failed");

    public void NoteRequest(Signal signal, bool ok) => (ok ? _ok : _failed)[(int)signal].Add();

    private static Counter Spans(IMeter meter, string result) => meter.Counter(
        "otlp_spans_total", "Spans by what became of them: exported, dropped, rejected, failed.", new Label("result", result));

    private static Counter Requests(IMeter meter, string kind, string result) => meter.Counter(
        "otlp_requests_total", "Requests to the collector.", new Label("kind", kind), new Label("result", result));
}
