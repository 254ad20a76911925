using Nori.Grpc.Server;
using System.Buffers;
using System.Text.Json;
using Nori.Observe;
using NoriKV.Node;
using NoriKV.Node.Tracing;

namespace NoriKV.Transport.Grpc;

/// <summary>From a gRPC call to who asks and until when.</summary>
internal static class CallContexts
{
    public static string PrincipalOf(ServerCallContext call) => call.ClientCertificate?.Subject ?? "";

    /// <summary>
    /// The client's deadline, or the default where it gave none. The node keeps the deadline itself, and answers a
    /// little before it with what it knows of the outcome; only a client that is gone cancels.
    /// </summary>
    public static RequestContext Of(ServerCallContext call, GrpcTransportParts parts) =>
        new(
            DeadlineIn(call.TimeLeft ?? parts.Options.DefaultTimeout, parts.Time),
            PrincipalOf(call),
            call.HttpContext.RequestAborted)
        {
            Probe = ProbeOf(call, parts),
        };

    /// <summary>Metadata of a caller who wants to know where the request went: any value.</summary>
    public const string ExplainHeader = "norikv-explain";

    /// <summary>The trailer that tells him, as JSON in UTF-8: docs/observability.md.</summary>
    public const string TraceTrailer = "norikv-trace-bin";

    /// <summary>The call is over: ends what gathers its stages, and tells them to a caller who asked.</summary>
    public static void End(ServerCallContext call, RequestContext context)
    {
        if (context.Probe is not { } probe) return;
        RequestTrace trace = probe.End();
        if (!IsExplained(call)) return;
        var bytes = new ArrayBufferWriter<byte>(2048);
        using (var json = new Utf8JsonWriter(bytes)) RequestTraceJson.Write(json, trace);
        call.ResponseTrailers.Add(TraceTrailer, bytes.WrittenSpan.ToArray());
    }

    /// <summary>A sampled request has a probe, which ends its span; others have none.</summary>
    public static RequestProbe? ProbeOf(Span? span, TimeProvider time) =>
        span is null ? null : new RequestProbe(time, span.StartedAt, span);

    private static RequestProbe? ProbeOf(ServerCallContext call, GrpcTransportParts parts)
    {
        Span? span = SpanOf(call, parts.Tracer);
        if (span is not null) return ProbeOf(span, parts.Time);
        return IsExplained(call) ? new RequestProbe(parts.Time, parts.Time.GetTimestamp()) : null;
    }

    private static bool IsExplained(ServerCallContext call) => call.HttpContext.Request.Headers.ContainsKey(ExplainHeader);

    /// <summary>
    /// Begins the call's span, a child of the caller's in <c>traceparent</c>; answers where it is in <c>traceresponse</c>.
    /// </summary>
    private static Span? SpanOf(ServerCallContext call, Tracer? tracer)
    {
        if (tracer is null) return null;
        Span? span = tracer.Begin(call.Method.TrimStart('/'), SpanKind.Server, CallerOf(call));
        if (span is not null) call.ResponseHeaders.Add("traceresponse", span.Context.ToString());
        return span;
    }

    /// <summary>The caller's place in its trace; none where it says nothing that can be read.</summary>
    public static TraceContext CallerOf(ServerCallContext call)
    {
        // Straight from the request: nothing else of its headers is needed here.
        string? text = call.HttpContext.Request.Headers.TraceParent;
        if (text is null || !TraceContext.TryParse(text, out TraceContext caller)) return default;
        return caller.WithState(call.HttpContext.Request.Headers.TraceState);
    }

    public static long DeadlineIn(TimeSpan left, TimeProvider time)
    {
        double ticks = left.TotalSeconds * time.TimestampFrequency;
        long now = time.GetTimestamp();
        return ticks >= long.MaxValue - now ? long.MaxValue : now + (long)ticks;
    }
}
