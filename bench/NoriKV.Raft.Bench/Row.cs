namespace NoriKV.Raft.Bench;

/// <summary>One line of the table: what was done and what came of it, by name and unit.</summary>
internal sealed record Row(string Name, IReadOnlyList<(string Figure, double Value)> Figures)
{
    public override string ToString() =>
        $"{Name,-44}" + string.Concat(Figures.Select(f => $"  {f.Figure} {Format(f.Value)}"));

    private static string Format(double value) => value switch
    {
        >= 1000 => value.ToString("N0", System.Globalization.CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", System.Globalization.CultureInfo.InvariantCulture),
    };
}
