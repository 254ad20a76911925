namespace Nori.Observe.Prometheus;

/// <summary>A histogram over stripes: per stripe one count a bucket and the sum.</summary>
internal sealed class StripedHistogram : Histogram, ISeriesSource
{
    private readonly double[] _bounds;
    private readonly int _stride;

    // Stripe s begins at (s + 1) lines: counts of the buckets, the last one for what is above every bound. The
    // leading space keeps the array's header, which every access reads, off the lines that are written.
    private readonly long[] _counts;
    private readonly double[] _sums;

    private readonly ExemplarBox _exemplars;

    public StripedHistogram(double[] bounds, TimeProvider time)
    {
        _exemplars = new ExemplarBox(bounds.Length + 1, time);
        _bounds = bounds;
        _stride = (bounds.Length + 1 + Stripes.Spacing - 1) / Stripes.Spacing * Stripes.Spacing;
        _counts = new long[Stripes.Spacing + Stripes.Count * _stride];
        _sums = new double[(Stripes.Count + 1) * Stripes.Spacing];
    }

    public ReadOnlySpan<double> Bounds => _bounds;

    // Hot path: a search over some twenty bounds and two interlocked operations. No lock, no allocation.
    public override void Record(double value)
    {
        // One NaN would make the sum NaN for ever.
        if (double.IsNaN(value)) return;
        int stripe = Stripes.Current();
        Interlocked.Increment(ref _counts[Stripes.Spacing + stripe * _stride + Bucket(value)]);
        AtomicDouble.Add(ref _sums[(stripe + 1) * Stripes.Spacing], value);
    }

    // Hot path: adds up on the stack, so that what many threads write is written once a bucket instead of twice a value.
    public override void Record(ReadOnlySpan<double> values)
    {
        const int BucketsOnStack = 64;
        if (values.Length < 2 || _bounds.Length >= BucketsOnStack)
        {
            base.Record(values);
            return;
        }

        Span<int> counts = stackalloc int[BucketsOnStack];
        double sum = 0;
        foreach (double value in values)
        {
            if (double.IsNaN(value)) continue;
            counts[Bucket(value)]++;
            sum += value;
        }

        int stripe = Stripes.Current();
        ref long first = ref _counts[Stripes.Spacing + (stripe * _stride)];
        for (int bucket = 0; bucket <= _bounds.Length; bucket++)
        {
            if (counts[bucket] != 0) Interlocked.Add(ref System.Runtime.CompilerServices.Unsafe.Add(ref first, bucket), counts[bucket]);
        }

        AtomicDouble.Add(ref _sums[(stripe + 1) * Stripes.Spacing], sum);
    }

    // Only a sampled trace goes further, and those are few.
    public override void Record(double value, in TraceContext trace)
    {
        Record(value);
        if (trace.IsSampled && !trace.IsNone && !double.IsNaN(value)) _exemplars.Set(Bucket(value), value, trace);
    }

    public void Visit(IMetricVisitor visitor, ReadOnlySpan<Label> labels)
    {
        long[] counts = new long[_bounds.Length + 1];
        for (int bucket = 0; bucket < counts.Length; bucket++) counts[bucket] = CountOf(bucket);
        visitor.Histogram(labels, new HistogramSnapshot(_bounds, counts, Sum(), _exemplars.All()));
    }

    public void Write(SeriesWriter writer)
    {
        // The total is the sum of the buckets read, so that a scrape during a Record is consistent in itself.
        long cumulative = 0;
        for (int bucket = 0; bucket <= _bounds.Length; bucket++)
        {
            cumulative += CountOf(bucket);
            double bound = bucket < _bounds.Length ? _bounds[bucket] : double.PositiveInfinity;
            writer.Bucket(bound, cumulative, writer.HasExemplars ? _exemplars.Get(bucket) : null);
        }

        writer.Sum(Sum(), cumulative);
    }

    private long CountOf(int bucket)
    {
        long count = 0;
        for (int s = 0; s < Stripes.Count; s++)
            count += Volatile.Read(ref _counts[Stripes.Spacing + s * _stride + bucket]);
        return count;
    }

    private double Sum()
    {
        double sum = 0;
        for (int s = 1; s <= Stripes.Count; s++) sum += Volatile.Read(ref _sums[s * Stripes.Spacing]);
        return sum;
    }

    private int Bucket(double value)
    {
        double[] bounds = _bounds;
        int low = 0, high = bounds.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (value <= bounds[middle]) high = middle;
            else low = middle + 1;
        }

        return low;
    }
}
