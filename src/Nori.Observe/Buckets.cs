namespace Nori.Observe;

/// <summary>Bucket bounds that fit this store.</summary>
public static class Buckets
{
    /// <summary>Seconds from 50 µs to 10 s: most answers are below a millisecond.</summary>
    public static ReadOnlyMemory<double> Latency { get; } = new double[]
    {
        0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    };

    /// <summary>Seconds from 1 ms to 10 min, for background work.</summary>
    public static ReadOnlyMemory<double> LongWork { get; } = new double[]
    {
        0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600,
    };
}
