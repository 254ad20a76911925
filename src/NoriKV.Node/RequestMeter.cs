using Nori.Observe;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// Counts and times requests the same way in every transport: <c>kv_requests_total{operation,status}</c> and
/// <c>kv_request_duration_seconds{operation,status,result}</c>.
/// </summary>
/// <remarks>
/// Thread-safe. Handles are made at first use and kept, so recording allocates nothing after that.
/// </remarks>
public sealed class RequestMeter(IMeter meter, TimeProvider time)
{
    private static readonly int Codes = Enum.GetValues<KvCode>().Length;
    private static readonly int Results = Enum.GetValues<RequestResult>().Length;
    private readonly Series?[] _series = new Series?[Enum.GetValues<RequestOperation>().Length * Codes * Results];

    /// <summary>The moment from which a request is timed.</summary>
    public long Start() => time.GetTimestamp();

    /// <summary>Records a finished request.</summary>
    /// <param name="operation">What was asked.</param>
    /// <param name="code">How it ended.</param>
    /// <param name="result">What came of it, where it succeeded.</param>
    /// <param name="start">What <see cref="Start"/> gave.</param>
    /// <param name="probe">Gathers the request's stages and is told the outcome; null where it is not traced.</param>
    public void Record(RequestOperation operation, KvCode code, RequestResult result, long start, RequestProbe? probe = null)
    {
        int slot = ((((int)operation * Codes) + (int)code) * Results) + (int)result;
        Series series = _series[slot] ??= Make(operation, code, result);
        series.Count.Add();
        double seconds = time.GetElapsedTime(start).TotalSeconds;
        if (probe is not null) (probe.Operation, probe.Status) = (Word(operation.ToString()), code.ToLabel());
        if (probe?.Span is not { } span)
        {
            series.Duration.Record(seconds);
            return;
        }

        series.Duration.Record(seconds, span.Context);
        span.SetAttribute("operation", Word(operation.ToString()));
        span.SetAttribute("result", Word(result.ToString()));
        if (code != KvCode.Ok) span.Fail(code.ToLabel());
    }

    // Two threads may make one series at once: the meter gives both the same handles.
    private Series Make(RequestOperation operation, KvCode code, RequestResult result)
    {
        var operationLabel = new Label("operation", Word(operation.ToString()));
        var statusLabel = new Label("status", code.ToLabel());
        return new Series(
            meter.Counter("kv_requests_total", "Requests answered.", operationLabel, statusLabel),
            meter.Histogram(
                "kv_request_duration_seconds",
                "Time from the receipt of a request to its answer.",
                Buckets.Latency,
                operationLabel,
                statusLabel,
                new Label("result", Word(result.ToString()))));
    }

    private static string Word(string name) => name.ToLowerInvariant();

    private sealed record Series(Counter Count, Histogram Duration);
}
