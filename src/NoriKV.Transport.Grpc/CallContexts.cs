using Nori.Grpc.Server;
using Nori.Observe;
using NoriKV.Node;

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
            Span = SpanOf(call, parts.Tracer),
        };

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
        return text is not null && TraceContext.TryParse(text, out TraceContext caller) ? caller : default;
    }

    public static long DeadlineIn(TimeSpan left, TimeProvider time)
    {
        double ticks = left.TotalSeconds * time.TimestampFrequency;
        long now = time.GetTimestamp();
        return ticks >= long.MaxValue - now ? long.MaxValue : now + (long)ticks;
    }
}
