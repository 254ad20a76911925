using System.Security.Cryptography;
using Nori.Observe;
using Nori.Observe.Otlp;
using Nori.Observe.Prometheus;
using NoriKV.Server.Live;

namespace NoriKV.Server;

/// <summary>What a server tells of itself, and to whom: /metrics, /events, the log, and a collector where there is one.</summary>
internal sealed class Telemetry : IAsyncDisposable
{
    private readonly OtlpLoop? _otlp;

    public Telemetry(ServerOptions options, ServerParts parts)
    {
        bool measures = options.PrometheusEnabled || options.OtlpEnabled;
        PrometheusMeter? meter = measures ? new PrometheusMeter(new PrometheusOptions { Time = parts.Time }) : null;
        Prometheus = options.PrometheusEnabled ? meter : null;
        Meter = meter ?? (IMeter)NullMeter.Instance;
        Ring = new EventRing(parts.EventsRemembered ?? options.EventsRemembered, parts.Time);
        News = new EventRing(options.HourEvents, parts.Time);
        Log = new EventLog(parts.Log);
        Events = new ServerEvents(Ring, new NewsSink(News), Log, parts.Time);
        Meter.ObservableCounter("log_lines_dropped_total", "Log lines that found the queue full.", () => parts.Log.Dropped);
        Meter.ObservableCounter("events_total", "Events emitted.", () => Ring.Emitted);
        if (!options.OtlpEnabled) return;

        var exporter = new OtlpExporter(OtlpOf(options), meter, Meter, parts.Time);
        ulong seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
        Tracer = new Tracer(exporter, seed, new TracerOptions { SampleRatio = options.TraceSampleRatio }, parts.Time);
        Tracer tracer = Tracer;
        Meter.ObservableCounter("trace_spans_suppressed_total", "Spans beyond the most a second.", () => tracer.Suppressed);
        _otlp = new OtlpLoop(exporter, problem => Tell(parts.Log, problem), parts.Time);
    }

    /// <summary>False where nobody is told of any figure: then none is counted either.</summary>
    public bool Measures => Meter is PrometheusMeter;

    /// <summary>What /metrics shows; null where it is off.</summary>
    public PrometheusMeter? Prometheus { get; }

    /// <summary>Where everything counts.</summary>
    public IMeter Meter { get; }

    /// <summary>What /events sends.</summary>
    public EventRing Ring { get; }

    /// <summary>What happened in the last hour, without what happens all the time.</summary>
    public EventRing News { get; }

    /// <summary>Where everything tells what happened.</summary>
    public IEventSink Events { get; }

    /// <summary>Events as lines of the log.</summary>
    public EventLog Log { get; }

    /// <summary>Traces requests; null without a collector.</summary>
    public Tracer? Tracer { get; }

    public ValueTask DisposeAsync() => _otlp?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Gives the log its format and levels; before its first line.</summary>
    public static void Configure(ServerLog log, ServerOptions options)
    {
        log.Style = options.LogFormat == "json" ? LogFormat.Json : LogFormat.Console;
        log.Levels.SetWord(options.LogLevel);
        foreach (string word in options.LogLevels) log.Levels.SetWord(word);
    }

    private static OtlpOptions OtlpOf(ServerOptions options)
    {
        bool http = options.OtlpProtocol == "http";
        return new OtlpOptions
        {
            Endpoint = new Uri(options.OtlpEndpoint ?? (http ? "http://localhost:4318" : "http://localhost:4317")),
            Protocol = http ? OtlpProtocol.HttpProtobuf : OtlpProtocol.Grpc,
            Headers = [.. options.OtlpHeaders.Select(static h =>
            {
                int equals = h.IndexOf('=', StringComparison.Ordinal);
                return new KeyValuePair<string, string>(h[..equals].ToLowerInvariant(), h[(equals + 1)..]);
            })],
            Resource =
            [
                new Label("service.name", "norikv"),
                new Label("service.namespace", options.ClusterName),
                new Label("service.instance.id", options.NodeId),
                new Label("service.version", $"{typeof(Telemetry).Assembly.GetName().Version}"),
            ],
        };
    }

    private static void Tell(ServerLog log, string? problem)
    {
        if (problem is null) log.Info("otlp", "the collector answers again");
        else log.Warning("otlp", "the collector cannot be reached", ("problem", problem));
    }
}
