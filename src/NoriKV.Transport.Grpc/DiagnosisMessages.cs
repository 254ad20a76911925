using NoriKV.Node.Diagnosis;
using Wire = NoriKV.Proto.V1;

namespace NoriKV.Transport.Grpc;

/// <summary>A diagnosis as a message and back.</summary>
public static class DiagnosisMessages
{
    /// <summary>As it is sent.</summary>
    public static Wire.Diagnosis ToWire(ClusterDiagnosis diagnosis)
    {
        ArgumentNullException.ThrowIfNull(diagnosis);
        var wire = new Wire.Diagnosis { NodeId = diagnosis.Node };
        wire.Asked.AddRange(diagnosis.Asked);
        wire.Answered.AddRange(diagnosis.Answered);
        wire.Findings.AddRange(diagnosis.Findings.Select(static f => new Wire.Finding
        {
            Id = f.Id, Severity = Word(f.Severity), NodeId = f.Node, What = f.What, Evidence = f.Evidence, Advice = f.Advice,
        }));
        return wire;
    }

    /// <summary>As it was sent; a severity that a newer node has is taken for a warning.</summary>
    public static ClusterDiagnosis FromWire(Wire.Diagnosis wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new ClusterDiagnosis
        {
            Node = wire.NodeId,
            Asked = [.. wire.Asked],
            Answered = [.. wire.Answered],
            Findings = [.. wire.Findings.Select(static f => new Finding(
                f.Id, SeverityOf(f.Severity), f.NodeId, f.What, f.Evidence, f.Advice))],
        };
    }

    /// <summary>A severity in one word.</summary>
    public static string Word(FindingSeverity severity) => severity switch
    {
        FindingSeverity.Critical => "critical",
        FindingSeverity.Warning => "warning",
        _ => "info",
    };

    private static FindingSeverity SeverityOf(string word) => word switch
    {
        "critical" => FindingSeverity.Critical,
        "info" => FindingSeverity.Info,
        _ => FindingSeverity.Warning,
    };
}
