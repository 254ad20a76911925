namespace NoriKV.Placement;

/// <summary>Jump consistent hash (Lamping and Veach, 2014, https://arxiv.org/abs/1406.2294, figure 1).</summary>
/// <remarks>Part of the wire contract: every client computes the same.</remarks>
public static class JumpHash
{
    /// <summary>The bucket of a hash: 0 to <paramref name="buckets"/> - 1.</summary>
    public static int Bucket(ulong hash, int buckets)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(buckets);
        long bucket = -1;
        long next = 0;
        while (next < buckets)
        {
            bucket = next;
            hash = (hash * 2862933555777941757UL) + 1;
            next = (long)((bucket + 1) * ((1L << 31) / (double)((hash >> 33) + 1)));
        }

        return (int)bucket;
    }
}
