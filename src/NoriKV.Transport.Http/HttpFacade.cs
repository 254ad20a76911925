using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Nori.Observe;
using NoriKV.Node;
using NoriKV.Node.Tracing;
using NoriKV.Transport.Http.Dashboard;
using NoriKV.Transport.Http.Live;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>
/// The HTTP façade as one request delegate: routes by the raw request target, since a key is bytes and must
/// not pass through anything that decodes or normalises paths.
/// </summary>
/// <remarks>
/// Thread-safe. Every request is answered: what nobody expected becomes a 500 without its details.
/// </remarks>
public sealed class HttpFacade
{
    private const string KvPath = "/kv";

    // Of a caller who wants to know where the request went, any value; and what tells him, JSON.
    private const string ExplainHeader = "Norikv-Explain";
    private const string TraceHeader = "Norikv-Trace";
    private readonly HttpFacadeParts _parts;
    private readonly KvEndpoint _kv;
    private readonly ScanEndpoint _scan;
    private readonly HealthEndpoint _health;
    private readonly ClusterEndpoint _cluster;
    private readonly MetricsEndpoint _metrics;
    private readonly EventsEndpoint _events;
    private readonly LogEndpoint _logs;
    private readonly SlowEndpoint _slow;
    private readonly DoctorEndpoint _doctor;
    private readonly LiveEndpoint _live;
    private readonly DashboardFiles _dashboard = new();
    private readonly BodyReader _bodies;
    private int _inFlight;

    /// <summary>Makes the façade of a node.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public HttpFacade(HttpFacadeParts parts)
    {
        IReadOnlyList<string> problems = parts.Options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(parts));
        _parts = parts;
        var meter = new RequestMeter(parts.Meter, parts.Time);
        _bodies = new BodyReader(parts.Options, parts.Time);
        _kv = new KvEndpoint(parts, meter, _bodies);
        _scan = new ScanEndpoint(parts, meter);
        _health = new HealthEndpoint(parts.Node);
        _cluster = new ClusterEndpoint(parts.Node);
        _metrics = new MetricsEndpoint(parts.Metrics);
        _events = new EventsEndpoint(parts);
        _logs = new LogEndpoint(parts);
        _slow = new SlowEndpoint(parts);
        _doctor = new DoctorEndpoint(parts);
        _live = new LiveEndpoint(parts);
        parts.Meter.ObservableGauge("http_requests_in_flight", "Requests to /kv being worked on.", () => _inFlight);
        parts.Meter.ObservableGauge("http_body_bytes", "Bytes of request bodies held.", () => _bodies.Held);
        parts.Meter.ObservableGauge("event_clients", "Clients of /events.", () => _events.Clients);
        parts.Meter.ObservableGauge("live_clients", "Clients of /live, the dashboard's feed.", () => _live.Clients);
    }

    /// <summary>Bytes of request bodies held now.</summary>
    public long BodyBytesHeld => _bodies.Held;

    /// <summary>Serves one request.</summary>
    public async Task InvokeAsync(HttpContext http)
    {
        string route = "";
        try
        {
            string raw = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
            RawTarget target = RawTarget.Parse(raw);
            route = target.Path;
            await RouteAsync(http, target).ConfigureAwait(false);
        }
        catch (BadTargetException bad)
        {
            await HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.InvalidArgument, bad.Message))
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller went away: nobody to answer.
        }
        catch (Exception unexpected) when (unexpected is not OutOfMemoryException)
        {
            // A bug of ours: say so without its details, and cut an answer that has begun rather than let it
            // look whole.
            // Keys do not belong in logs.
            bool isKey = route.StartsWith(KvPath, StringComparison.Ordinal);
            _parts.OnUnexpected?.Invoke(isKey ? KvPath : route, unexpected);
            if (http.Response.HasStarted) http.Abort();
            else await HttpAnswers.WriteErrorAsync(http, 500, "INTERNAL", "internal error")
                .ConfigureAwait(false);
        }
    }

    private Task RouteAsync(HttpContext http, RawTarget target)
    {
        string path = target.Path;
        if (path.StartsWith("/kv/", StringComparison.Ordinal)) return KvAsync(http, target, path[4..]);
        if (path == KvPath) return KvAsync(http, target, null);
        if (path.StartsWith("/ui/", StringComparison.Ordinal))
            return ReadOnly(http) ?? Observed(http) ?? _dashboard.ServeAsync(http, path[4..]);
        switch (path)
        {
            // Probes are answered whoever asks: they carry no data, and an orchestrator has no principal.
            case "/health": return ReadOnly(http) ?? _health.FullAsync(http);
            case "/health/quick": return ReadOnly(http) ?? _health.QuickAsync(http);
            case "/healthz": return ReadOnly(http) ?? _health.QuickAsync(http);
            case "/readyz": return ReadOnly(http) ?? _health.ReadyAsync(http);
            case "/metrics": return ReadOnly(http) ?? Observed(http) ?? _metrics.ServeAsync(http);
            case "/meta/cluster": return ReadOnly(http) ?? Observed(http) ?? _cluster.ServeAsync(http);
            case "/doctor": return ReadOnly(http) ?? Observed(http) ?? _doctor.ServeAsync(http, target);
            case "/events": return ReadOnly(http) ?? Observed(http) ?? _events.ServeAsync(http, target);
            case "/log": return _logs.ServeAsync(http, target);
            case "/slow": return _slow.ServeAsync(http, target);
            case "/live": return ReadOnly(http) ?? Observed(http) ?? _live.ServeAsync(http, target);
            case "/" or "/index.html": return ReadOnly(http) ?? Observed(http) ?? _dashboard.ServeAsync(http, "index.html");
            default: return HttpAnswers.WriteErrorAsync(http, 404, "NOT_FOUND", "no such route");
        }
    }

    private async Task KvAsync(HttpContext http, RawTarget target, string? pathKey)
    {
        if (Interlocked.Increment(ref _inFlight) > _parts.Options.ConcurrentRequestsMax)
        {
            Interlocked.Decrement(ref _inFlight);
            await HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.Overloaded, "too many requests in flight"))
                .ConfigureAwait(false);
            return;
        }

        RequestProbe? probe = null;
        try
        {
            RequestContext context = Context(http, target);
            probe = context.Probe;
            bool scan = pathKey is null && !target.Has("key_b64");
            Task served = scan
                ? ReadOnly(http) ?? _scan.ServeAsync(http, target, context)
                : _kv.ServeAsync(http, target, pathKey, context);
            await served.ConfigureAwait(false);
        }
        finally
        {
            probe?.End();
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private RequestContext Context(HttpContext http, RawTarget target)
    {
        TimeSpan timeout = WireDuration.FromMilliseconds(target.Number("timeout_ms") ?? 0)
            ?? _parts.Options.DefaultTimeout;
        if (timeout > _parts.Options.TimeoutMax) timeout = _parts.Options.TimeoutMax;
        TimeProvider time = _parts.Time;
        long deadline = time.GetTimestamp() + (long)(timeout.TotalSeconds * time.TimestampFrequency);
        return new RequestContext(deadline, PrincipalOf(http), http.RequestAborted) { Probe = ProbeOf(http) };
    }

    /// <summary>
    /// Begins the request's span, a child of the caller's in <c>traceparent</c>; answers where it is in <c>traceresponse</c>.
    /// </summary>
    private RequestProbe? ProbeOf(HttpContext http)
    {
        Span? span = SpanOf(http);
        bool isExplained = http.Request.Headers.ContainsKey(ExplainHeader);
        if (span is null && !isExplained) return null;
        var probe = new RequestProbe(_parts.Time, span?.StartedAt ?? _parts.Time.GetTimestamp(), span);
        // What is told in a header is told before the body.
        if (isExplained) http.Response.OnStarting(() => ExplainAsync(http, probe));
        return probe;
    }

    private static Task ExplainAsync(HttpContext http, RequestProbe probe)
    {
        var bytes = new ArrayBufferWriter<byte>(2048);
        using (var json = new Utf8JsonWriter(bytes)) RequestTraceJson.Write(json, probe.End());
        http.Response.Headers[TraceHeader] = Encoding.ASCII.GetString(bytes.WrittenSpan);
        return Task.CompletedTask;
    }

    private Span? SpanOf(HttpContext http)
    {
        if (_parts.Tracer is not { } tracer) return null;
        string? text = http.Request.Headers.TraceParent;
        TraceContext caller = text is not null && TraceContext.TryParse(text, out TraceContext read)
            ? read.WithState(http.Request.Headers.TraceState)
            : default;
        Span? span = tracer.Begin($"{http.Request.Method} /kv", SpanKind.Server, caller);
        if (span is not null) http.Response.Headers["traceresponse"] = span.Context.ToString();
        return span;
    }

    private Task? Observed(HttpContext http) =>
        _parts.Authorizer.IsAllowed(AccessRequest.Of(PrincipalOf(http), AccessAction.Observe))
            ? null
            : HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.PermissionDenied, "not allowed"));

    private static Task? ReadOnly(HttpContext http)
    {
        if (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)) return null;

        // WebSockets over HTTP/2 begin with CONNECT.
        if (HttpMethods.IsConnect(http.Request.Method) && http.WebSockets.IsWebSocketRequest) return null;
        http.Response.Headers.Allow = "GET, HEAD";
        return HttpAnswers.WriteErrorAsync(http, 405, "METHOD_NOT_ALLOWED", "this route takes GET");
    }

    private static string PrincipalOf(HttpContext http) => http.Connection.ClientCertificate?.Subject ?? "";
}
