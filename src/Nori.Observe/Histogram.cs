namespace Nori.Observe;

/// <summary>A distribution over fixed buckets. Recording takes at most 200 ns and allocates nothing.</summary>
public abstract class Histogram
{
    /// <summary>Records one value, in the unit of the metric's name (seconds, bytes).</summary>
    public abstract void Record(double value);
}
