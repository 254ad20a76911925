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

    /// <summary>
    /// The standard error of the throughput's ratio. Pairs of one round share two servers, which are never quite alike: what counts is
    /// how far the rounds are apart. Zero where there is only one.
    /// </summary>
    public double StandardError
    {
        get
        {
            double[] rounds = [.. Pairs.GroupBy(static p => p.Round).Select(static r => Spread(r.Select(static p => p.Throughput)).Median)];
            if (rounds.Length < 2) return 0;
            double mean = rounds.Average();
            return Math.Sqrt(rounds.Sum(r => (r - mean) * (r - mean)) / (rounds.Length - 1) / rounds.Length);
        }
    }
}
