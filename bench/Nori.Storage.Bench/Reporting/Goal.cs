namespace Nori.Storage.Bench.Reporting;

/// <summary>A bound on ours / peer.</summary>
internal readonly record struct Goal(double Bound, bool IsCeiling)
{
    public static Goal AtLeast(double bound) => new(bound, false);

    public static Goal AtMost(double bound) => new(bound, true);

    public bool Holds(double ratio) => IsCeiling ? ratio <= Bound : ratio >= Bound;

    public override string ToString() => FormattableString.Invariant($"{(IsCeiling ? "≤" : "≥")} {Bound:F1}");
}
