using System.Text.Json;
using NoriKV.Node.Diagnosis;
using NoriKV.Transport.Grpc;

namespace NoriKV.Cli.Cluster;

/// <summary>A diagnosis for people and for scripts.</summary>
internal static class DiagnosisText
{
    /// <summary>A paragraph for each finding, the worst first, and a verdict.</summary>
    public static IEnumerable<string> Lines(ClusterDiagnosis diagnosis)
    {
        foreach (Finding finding in diagnosis.Findings)
        {
            yield return $"{DiagnosisMessages.Word(finding.Severity).ToUpperInvariant()}  {finding.What}  [{finding.Id}]";
            if (finding.Evidence.Length > 0) yield return $"  seen: {finding.Evidence}";
            if (finding.Advice.Length > 0) yield return $"  do:   {finding.Advice}";
            yield return "";
        }

        int wrong = diagnosis.Findings.Count(static f => f.Severity != FindingSeverity.Info);
        string who = $"{diagnosis.Answered.Count} of {diagnosis.Asked.Count} nodes answered {diagnosis.Node}";
        yield return wrong == 0 ? $"Nothing is wrong: {who}." : $"{ClusterText.Count(wrong, "finding")}: {who}.";
    }

    public static void WriteJson(Utf8JsonWriter json, ClusterDiagnosis diagnosis)
    {
        json.WriteBoolean("healthy", diagnosis.IsHealthy);
        json.WriteString("node_id", diagnosis.Node);
        WriteNames(json, "asked", diagnosis.Asked);
        WriteNames(json, "answered", diagnosis.Answered);
        json.WriteStartArray("findings");
        foreach (Finding finding in diagnosis.Findings)
        {
            json.WriteStartObject();
            json.WriteString("id", finding.Id);
            json.WriteString("severity", DiagnosisMessages.Word(finding.Severity));
            json.WriteString("node_id", finding.Node);
            json.WriteString("what", finding.What);
            json.WriteString("evidence", finding.Evidence);
            json.WriteString("advice", finding.Advice);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteNames(Utf8JsonWriter json, string name, IReadOnlyList<string> nodes)
    {
        json.WriteStartArray(name);
        foreach (string node in nodes) json.WriteStringValue(node);
        json.WriteEndArray();
    }
}
