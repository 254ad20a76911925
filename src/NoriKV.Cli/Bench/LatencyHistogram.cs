using System.Numerics;
using Nori.Core;

namespace NoriKV.Cli.Bench;

/// <summary>
/// Latencies from 1 ns to about 18 minutes with three significant digits, in the manner of HdrHistogram: buckets are
/// linear below 2,048 and then 1,024 to each power of two, so a quantile is off by less than 0.1 % whatever its size.
/// </summary>
/// <remarks>Thread-safe for <see cref="Record"/>; read it when nobody records.</remarks>
internal sealed class LatencyHistogram
{
    private const int SubBits = 10;
    private const int Linear = 2 << SubBits;
    private const int MaxBits = 40;

    /// <summary>The greatest value that is told apart; greater ones count as this.</summary>
    public const long ValueMax = (1L << MaxBits) - 1;

    private readonly long[] _counts = new long[Linear + (MaxBits - SubBits - 1) * (1 << SubBits)];
    private long _count;
    private long _max;
    private long _sum;

    /// <summary>Values recorded.</summary>
    public long Count => _count;

    /// <summary>The greatest value, exact.</summary>
    public long Max => _max;

    /// <summary>The mean, exact.</summary>
    public double Mean => _count == 0 ? 0 : (double)_sum / _count;

    /// <summary>Counts a value in nanoseconds.</summary>
    public void Record(long nanoseconds)
    {
        long value = Math.Clamp(nanoseconds, 0, ValueMax);
        Interlocked.Increment(ref _counts[IndexOf(value)]);
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _sum, value);
        long max = Volatile.Read(ref _max);
        while (nanoseconds > max)
        {
            long seen = Interlocked.CompareExchange(ref _max, nanoseconds, max);
            if (seen == max) break;
            max = seen;
        }
    }

    /// <summary>The smallest value that at least this share of all values does not exceed.</summary>
    /// <param name="quantile">0 to 1.</param>
    public long Quantile(double quantile)
    {
        if (_count == 0) return 0;
        long rank = Math.Max(1, (long)Math.Ceiling(quantile * _count));
        long seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= rank) return Math.Min(HighestOf(i), _max);
        }

        throw Invariant.Unreachable("the counts add up to the count");
    }

    private static int IndexOf(long value)
    {
        if (value < Linear) return (int)value;
        int shift = BitOperations.Log2((ulong)value) - SubBits;
        return Linear + (shift - 1) * (1 << SubBits) + (int)((value >> shift) - (1 << SubBits));
    }

    private static long HighestOf(int index)
    {
        if (index < Linear) return index;
        int shift = (index - Linear) / (1 << SubBits) + 1;
        long sub = (index - Linear) % (1 << SubBits) + (1 << SubBits);
        return ((sub + 1) << shift) - 1;
    }
}
