namespace NoriKV.Node.Diagnosis;

/// <summary>Something that is wrong, with what shows it and what to do.</summary>
/// <param name="Id">One of <see cref="FindingIds"/>; docs/doctor.md explains each.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Node">The node it concerns; empty: the cluster.</param>
/// <param name="What">One sentence.</param>
/// <param name="Evidence">The figures behind it.</param>
/// <param name="Advice">What to do.</param>
public sealed record Finding(
    string Id, FindingSeverity Severity, string Node, string What, string Evidence, string Advice);
