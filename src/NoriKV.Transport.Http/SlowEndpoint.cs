using Microsoft.AspNetCore.Http;
using NoriKV.Node;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>
/// GET /slow?since=N&amp;most=M: the node's last slow requests with their stages, the oldest first, the newest M of them, and the number of
/// the last.
/// PUT /slow?threshold_ms=N: what counts as slow from here on, until the process ends; 0 for nothing.
/// </summary>
/// <remarks>Changing is for operators: see <see cref="OperatorGate"/>.</remarks>
internal sealed class SlowEndpoint(HttpFacadeParts parts)
{
    private const ulong ThresholdMsMax = 3_600_000;

    private readonly OperatorGate _gate = new(parts);

    public Task ServeAsync(HttpContext http, RawTarget target)
    {
        bool changes = HttpMethods.IsPut(http.Request.Method);
        if (!changes && !HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            http.Response.Headers.Allow = "GET, HEAD, PUT";
            return HttpAnswers.WriteErrorAsync(http, 405, "METHOD_NOT_ALLOWED", "this route takes GET and PUT");
        }

        if (!IsAllowed(http, changes))
            return HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.PermissionDenied, "not allowed"));
        if (parts.Node.SlowOperations is not { } slow)
            return HttpAnswers.WriteErrorAsync(http, 404, "NOT_FOUND", "this node keeps no slow requests, or does not serve yet");
        if (changes) target.Only("threshold_ms");
        else target.Only("since", "most");
        if (changes) slow.Threshold = Threshold(target);
        return HttpAnswers.WritePackedJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("node", parts.Node.NodeId);
            json.WriteNumber("threshold_ms", slow.Threshold.TotalMilliseconds);
            json.WriteNumber("last", slow.Last);
            json.WriteStartArray("operations");
            long since = (long)Math.Min(target.Number("since") ?? 0, long.MaxValue);
            int most = (int)Math.Min(target.Number("most") ?? int.MaxValue, int.MaxValue);
            foreach (RequestTrace trace in slow.Since(since).TakeLast(most)) RequestTraceJson.Write(json, trace);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static TimeSpan Threshold(RawTarget target) => target.Number("threshold_ms") switch
    {
        null => throw new BadTargetException("give threshold_ms=N, 0 for none"),
        > ThresholdMsMax => throw new BadTargetException($"threshold_ms is at most {ThresholdMsMax}"),
        { } milliseconds => TimeSpan.FromMilliseconds(milliseconds),
    };

    private bool IsAllowed(HttpContext http, bool changes)
    {
        if (changes) return _gate.IsOpenTo(http);
        string principal = http.Connection.ClientCertificate?.Subject ?? "";
        return parts.Authorizer.IsAllowed(AccessRequest.Of(principal, AccessAction.Observe));
    }
}
