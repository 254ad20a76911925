namespace Nori.Observe.Prometheus;

/// <summary>A counter over stripes.</summary>
internal sealed class StripedCounter : Counter, ISeriesSource
{
    private readonly long[] _cells = GC.AllocateArray<long>((Stripes.Count + 1) * Stripes.Spacing, pinned: true);

    // Hot path: one interlocked add on a line of our own. No lock, no allocation.
    public override void Add(long delta = 1)
    {
        if (delta < 0) ThrowNegative(delta);
        Interlocked.Add(ref _cells[(Stripes.Current() + 1) * Stripes.Spacing], delta);
    }

    public void Write(SeriesWriter writer) => writer.Sample(Read());

    public void Visit(IMetricVisitor visitor, ReadOnlySpan<Label> labels) => visitor.Number(labels, Read());

    private static void ThrowNegative(long delta) =>
        throw new ArgumentOutOfRangeException(nameof(delta), delta, "a counter only rises");

    private long Read()
    {
        long sum = 0;
        for (int i = 1; i <= Stripes.Count; i++) sum += Volatile.Read(ref _cells[i * Stripes.Spacing]);
        return sum;
    }
}
