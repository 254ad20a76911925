namespace Nori.Storage.Bench.Reporting;

/// <summary>A bound on ours / peer, or on ours alone.</summary>
internal readonly record struct Goal(double Bound, bool IsCeiling, bool IsOfOurs = false)
{
    public static Goal AtLeast(double bound) => new(bound, false);

    public static Goal AtMost(double bound) => new(bound, true);

    /// <summary>On our figure itself, in the row's unit.</summary>
    public static Goal OursAtLeast(double bound) => new(bound, false, true);

    /// <inheritdoc cref="OursAtLeast"/>
    public static Goal OursAtMost(double bound) => new(bound, true, true);

    public bool Holds(double ours, double ratio)
    {
        double figure = IsOfOurs ? ours : ratio;
        return IsCeiling ? figure <= Bound : figure >= Bound;
    }

    public string Describe(string unit)
    {
        string text = FormattableString.Invariant($"{(IsCeiling ? "≤" : "≥")} ");
        return text + (IsOfOurs ? Table.Figure(Bound, unit) : FormattableString.Invariant($"{Bound:F1}"));
    }
}
