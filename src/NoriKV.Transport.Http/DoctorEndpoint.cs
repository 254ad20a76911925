using Microsoft.AspNetCore.Http;
using NoriKV.Node;
using NoriKV.Node.Diagnosis;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>GET /doctor: what is wrong with the cluster, as JSON; 200 whatever is found.</summary>
/// <remarks>Asking often costs the cluster no more than asking once: the node answers all who ask meanwhile together.</remarks>
internal sealed class DoctorEndpoint(HttpFacadeParts parts)
{
    public async Task ServeAsync(HttpContext http, RawTarget target)
    {
        target.Only();
        if (parts.Operations is not { } operations)
        {
            await HttpAnswers.WriteErrorAsync(http, 404, "NOT_FOUND", "this node is not operated as part of a cluster")
                .ConfigureAwait(false);
            return;
        }

        KvResult<ClusterDiagnosis> result = await operations
            .DiagnoseAsync(new RequestContext(long.MaxValue, "", http.RequestAborted)).ConfigureAwait(false);
        if (!result.TryGet(out ClusterDiagnosis? diagnosis, out KvError? error))
        {
            await HttpAnswers.WriteErrorAsync(http, error).ConfigureAwait(false);
            return;
        }

        await HttpAnswers.WriteJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteBoolean("healthy", diagnosis.IsHealthy);
            json.WriteString("node_id", diagnosis.Node);
            json.WriteStartArray("asked");
            foreach (string node in diagnosis.Asked) json.WriteStringValue(node);
            json.WriteEndArray();
            json.WriteStartArray("answered");
            foreach (string node in diagnosis.Answered) json.WriteStringValue(node);
            json.WriteEndArray();
            json.WriteStartArray("findings");
            foreach (Finding finding in diagnosis.Findings)
            {
                json.WriteStartObject();
                json.WriteString("id", finding.Id);
                json.WriteString("severity", Word(finding.Severity));
                json.WriteString("node_id", finding.Node);
                json.WriteString("what", finding.What);
                json.WriteString("evidence", finding.Evidence);
                json.WriteString("advice", finding.Advice);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private static string Word(FindingSeverity severity) => severity switch
    {
        FindingSeverity.Critical => "critical",
        FindingSeverity.Warning => "warning",
        _ => "info",
    };
}
