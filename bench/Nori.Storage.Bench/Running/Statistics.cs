namespace Nori.Storage.Bench.Running;

internal static class Statistics
{
    public static double Median(IReadOnlyList<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>How far apart the greatest and the least are, by the median; 0 for a single value.</summary>
    public static double Spread(IReadOnlyList<double> values) =>
        values.Count < 2 ? 0 : (values.Max() - values.Min()) / Median(values);
}
