namespace NoriKV.Node.Diagnosis;

/// <summary>From what is known to what is wrong: all rules, sorted. Pure: equal inputs give equal findings.</summary>
internal static class Diagnoser
{
    public static IReadOnlyList<Finding> Find(DiagnosisInput input) =>
    [
        .. MemberFindings.Of(input).Concat(ShardFindings.Of(input)).Concat(NodeFindings.Of(input))
            .OrderByDescending(static f => f.Severity)
            .ThenBy(static f => f.Id, StringComparer.Ordinal)
            .ThenBy(static f => f.Node, StringComparer.Ordinal),
    ];
}
