using System.Threading.Channels;

namespace Nori.Observe.Otlp;

/// <summary>
/// Sends metrics and spans to a collector. Taking a span never blocks and never throws: it enters a bounded queue, and what
/// does not fit is dropped and counted. A collector that is slow or gone costs spans, never requests.
/// </summary>
/// <remarks>
/// <see cref="Take"/> is thread-safe. <see cref="RunOnceAsync"/> has one caller: an <see cref="OtlpLoop"/>, or a test. Metrics are
/// cumulative, so a failed export of them is not repeated: the next one says all.
/// </remarks>
public sealed class OtlpExporter : ISpanSink, IDisposable
{
    private static readonly TimeSpan RetryDelayMax = TimeSpan.FromMinutes(1);

    private readonly OtlpOptions _options;
    private readonly IMetricSource? _metrics;
    private readonly TimeProvider _time;
    private readonly IOtlpSender _sender;
    private readonly OtlpMetrics _own;
    private readonly DateTimeOffset _started;
    private readonly Channel<Span> _queue;
    private readonly ProtoWriter _writer = new();
    private readonly MetricEncoder _encoder;
    private readonly List<Span> _batch = [];
    private long _spansDueAt;
    private long _metricsDueAt;
    private int _tries;

    /// <summary>An exporter; nothing is connected yet.</summary>
    /// <param name="options">Where and how.</param>
    /// <param name="metrics">What is exported beside spans; null for spans alone.</param>
    /// <param name="meter">Where it counts what it does itself.</param>
    /// <param name="time">Its clock.</param>
    /// <exception cref="ArgumentException">The options have problems.</exception>
    public OtlpExporter(OtlpOptions options, IMetricSource? metrics, IMeter? meter = null, TimeProvider? time = null)
        : this(options, metrics, meter, time, null)
    {
    }

    internal OtlpExporter(OtlpOptions options, IMetricSource? metrics, IMeter? meter, TimeProvider? time, IOtlpSender? sender)
    {
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        _options = options;
        _metrics = metrics;
        _time = time ?? TimeProvider.System;
        _started = _time.GetUtcNow();
        _own = new OtlpMetrics(meter ?? NullMeter.Instance);
        _encoder = new MetricEncoder(_writer);
        _sender = sender ?? (options.Protocol == OtlpProtocol.Grpc ? new GrpcSender(options) : new HttpSender(options));
        _queue = Channel.CreateBounded<Span>(
            new BoundedChannelOptions(options.QueueSpansMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        _metricsDueAt = In(options.MetricInterval);
        _spansDueAt = In(options.SpanInterval);
    }

    /// <summary>What went wrong last; null while nothing does.</summary>
    public string? Problem { get; private set; }

    /// <inheritdoc/>
    public void Take(Span span)
    {
        if (!_queue.Writer.TryWrite(span)) _own.Dropped.Add();
    }

    /// <summary>Sends what is due; true when it sent something, so that more may be due.</summary>
    public async ValueTask<bool> RunOnceAsync(CancellationToken cancellationToken = default)
    {
        bool sent = false;
        if (SpansAreDue())
        {
            FillBatch();
            if (_batch.Count > 0) sent = await SendSpansAsync(cancellationToken).ConfigureAwait(false);
            else _spansDueAt = In(_options.SpanInterval);
        }

        if (_metrics is not null && IsDue(_metricsDueAt))
        {
            _metricsDueAt = In(_options.MetricInterval);
            await SendMetricsAsync(cancellationToken).ConfigureAwait(false);
        }

        return sent;
    }

    /// <summary>Sends everything that waits, each batch once, and the metrics: for the end.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            FillBatch();
            if (_batch.Count == 0) break;
            if (!await SendSpansAsync(cancellationToken).ConfigureAwait(false)) break;
        }

        if (_metrics is not null) await SendMetricsAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes the way to the collector; takes no more spans.</summary>
    public void Dispose()
    {
        _queue.Writer.TryComplete();
        _sender.Dispose();
    }

    private bool SpansAreDue() =>
        IsDue(_spansDueAt) || (_tries == 0 && _queue.Reader.Count >= _options.BatchSpansMax);

    private void FillBatch()
    {
        while (_batch.Count < _options.BatchSpansMax && _queue.Reader.TryRead(out Span? span)) _batch.Add(span);
    }

    private async ValueTask<bool> SendSpansAsync(CancellationToken cancellationToken)
    {
        _writer.Clear();
        SpanEncoder.Encode(_writer, _batch, _options.Resource);
        SendResult result = await SendAsync(Signal.Traces, cancellationToken).ConfigureAwait(false);
        if (result.Problem is null)
        {
            long rejected = Math.Min(result.Rejected, _batch.Count);
            _own.Exported.Add(_batch.Count - rejected);
            _own.Rejected.Add(rejected);
        }
        else if (result.MayPass && _tries < _options.RetriesMax)
        {
            // The batch stays; spans that come meanwhile wait in the queue, or are dropped there.
            _spansDueAt = In(RetryDelay(result.RetryAfter));
            _tries++;
            return false;
        }
        else
        {
            _own.Failed.Add(_batch.Count);
        }

        _batch.Clear();
        _tries = 0;
        _spansDueAt = In(_options.SpanInterval);
        return true;
    }

    private async ValueTask SendMetricsAsync(CancellationToken cancellationToken)
    {
        _writer.Clear();
        _encoder.Encode(_metrics!, _options.Resource, _started, _time.GetUtcNow());
        await SendAsync(Signal.Metrics, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<SendResult> SendAsync(Signal signal, CancellationToken cancellationToken)
    {
        SendResult result = await _sender.SendAsync(signal, _writer.Written, cancellationToken).ConfigureAwait(false);
        _own.NoteRequest(signal, result.Problem is null);
        Problem = result.Problem;
        return result;
    }

    private TimeSpan RetryDelay(TimeSpan? asked)
    {
        TimeSpan delay = asked ?? _options.RetryDelay * (1 << Math.Min(_tries, 10));
        return delay < RetryDelayMax ? delay : RetryDelayMax;
    }

    private long In(TimeSpan span) => _time.GetTimestamp() + (long)(span.TotalSeconds * _time.TimestampFrequency);

    private bool IsDue(long at) => _time.GetTimestamp() >= at;
}
