namespace NoriKV.Node.Diagnosis;

/// <summary>What a node found by asking all members.</summary>
public sealed record ClusterDiagnosis
{
    /// <summary>The node that asked.</summary>
    public string Node { get; init; } = "";

    /// <summary>The members, as it knows them.</summary>
    public IReadOnlyList<string> Asked { get; init; } = [];

    /// <summary>Those that answered in time.</summary>
    public IReadOnlyList<string> Answered { get; init; } = [];

    /// <summary>The worst first; of equal severity by id, then by node.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];

    /// <summary>Nothing is wrong; what is only worth knowing does not count.</summary>
    public bool IsHealthy => Findings.All(static f => f.Severity == FindingSeverity.Info);
}
