namespace Nori.Observe.Bench;

/// <summary>Pairs of one workload.</summary>
internal sealed record OverheadRow(string Name, IReadOnlyList<Pair> Pairs)
{
    /// <summary>The median of the pairs' ratios, and between which the middle half of them lies.</summary>
    public static (double Low, double Median, double High) Spread(IEnumerable<double> ratios)
    {
        double[] sorted = [.. ratios.Order()];
        return (sorted[sorted.Length / 4], sorted[sorted.Length / 2], sorted[sorted.Length * 3 / 4]);
    }
}
