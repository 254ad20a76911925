namespace NoriKV.Node.Diagnosis;

/// <summary>How bad a finding is.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Info,

    /// <summary>It works, with less in reserve or slower than it should.</summary>
    Warning,

    /// <summary>Something is not served, or soon will not be.</summary>
    Critical,
}
