namespace Nori.Observe.Prometheus;

/// <summary>Adding to a double that others add to.</summary>
internal static class AtomicDouble
{
    public static void Add(ref double target, double delta)
    {
        double seen = Volatile.Read(ref target);
        while (true)
        {
            double found = Interlocked.CompareExchange(ref target, seen + delta, seen);

            // Compared as bits: NaN is not equal to itself.
            if (BitConverter.DoubleToInt64Bits(found) == BitConverter.DoubleToInt64Bits(seen)) return;
            seen = found;
        }
    }
}
