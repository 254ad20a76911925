namespace Nori.Observe;

/// <summary>A distribution over fixed buckets. Recording takes at most 200 ns and allocates nothing.</summary>
public abstract class Histogram
{
    /// <summary>Records one value, in the unit of the metric's name (seconds, bytes).</summary>
    public abstract void Record(double value);

    /// <summary>
    /// Records one value together with the sampled trace it came from, which exporters show as an exemplar. Without a
    /// sampled trace it is <see cref="Record(double)"/>.
    /// </summary>
    public virtual void Record(double value, in TraceContext trace) => Record(value);

    /// <summary>Records many values at once, which costs less for each than one by one.</summary>
    public virtual void Record(ReadOnlySpan<double> values)
    {
        foreach (double value in values) Record(value);
    }
}
