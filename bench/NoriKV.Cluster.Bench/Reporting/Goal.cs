using System.Globalization;

namespace NoriKV.Cluster.Bench.Reporting;

/// <summary>A bound on ours / peer, or on our figure itself.</summary>
internal readonly record struct Goal(double Bound, bool IsCeiling, bool IsOfOurs)
{
    public static Goal AtLeast(double bound) => new(bound, false, false);

    public static Goal AtMost(double bound) => new(bound, true, false);

    /// <summary>On our figure, in the row's unit.</summary>
    public static Goal OursAtMost(double bound) => new(bound, true, true);

    public override string ToString() => (IsCeiling ? "≤ " : "≥ ") + Bound.ToString("0.##", CultureInfo.InvariantCulture);

    public bool? Holds(double ours, double ratio)
    {
        double figure = IsOfOurs ? ours : ratio;
        return double.IsNaN(figure) ? null : IsCeiling ? figure <= Bound : figure >= Bound;
    }
}
