namespace Nori.Observe;

/// <summary>A distribution as it was at one moment.</summary>
/// <param name="Bounds">Upper bounds of the buckets, rising; the last bucket, without one, is not among them.</param>
/// <param name="Counts">Values in each bucket, one more than there are bounds.</param>
/// <param name="Sum">The sum of all values.</param>
/// <param name="Exemplars">Some values with the traces they came from; at most one for each bucket.</param>
public sealed record HistogramSnapshot(
    IReadOnlyList<double> Bounds, IReadOnlyList<long> Counts, double Sum, IReadOnlyList<Exemplar> Exemplars);
