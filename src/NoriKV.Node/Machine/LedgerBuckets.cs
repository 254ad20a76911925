using Nori.Core;

namespace NoriKV.Node.Machine;

/// <summary>
/// How many bytes of sessions and idempotency records a shard holds, by the time they were written: the records expire in
/// the engine by themselves, so the count must forget them by the same rule, shard time alone.
/// </summary>
/// <remarks>A value: part of the state record. One bucket covers a quarter of the retention.</remarks>
internal sealed class LedgerBuckets(long retentionMs)
{
    /// <summary>Buckets in one retention.</summary>
    public const int PerRetention = 4;

    private readonly List<(long Bucket, long Bytes)> _buckets = [];

    /// <summary>Milliseconds a bucket covers.</summary>
    public long WidthMs { get; } = Math.Max(1, retentionMs / PerRetention);

    /// <summary>How long a record stays in the engine: the retention and one bucket.</summary>
    public long RecordLifeMs => retentionMs + WidthMs;

    /// <summary>Bytes of all records that still count.</summary>
    public long Total { get; private set; }

    /// <summary>The bucket of a stamp.</summary>
    public long BucketOf(long stamp) => stamp / WidthMs;

    /// <summary>Forgets buckets whose records are all past the retention.</summary>
    public void Expire(long stamp)
    {
        long oldest = BucketOf(stamp) - PerRetention - 1;
        while (_buckets.Count > 0 && _buckets[0].Bucket < oldest)
        {
            Total -= _buckets[0].Bytes;
            _buckets.RemoveAt(0);
        }
    }

    /// <summary>Counts a record written at a stamp. Stamps never fall.</summary>
    public void Add(long stamp, long bytes)
    {
        long bucket = BucketOf(stamp);
        Total += bytes;
        if (_buckets.Count > 0 && _buckets[^1].Bucket >= bucket)
        {
            _buckets[^1] = (_buckets[^1].Bucket, _buckets[^1].Bytes + bytes);
        }
        else
        {
            _buckets.Add((bucket, bytes));
        }
    }

    /// <summary>Takes away a record that was overwritten, if it still counts.</summary>
    public void Remove(long stamp, long bytes)
    {
        long bucket = BucketOf(stamp);
        for (int i = 0; i < _buckets.Count; i++)
        {
            if (_buckets[i].Bucket < bucket) continue;
            if (_buckets[i].Bucket > bucket) return;
            long taken = Math.Min(bytes, _buckets[i].Bytes);
            _buckets[i] = (bucket, _buckets[i].Bytes - taken);
            Total -= taken;
            return;
        }
    }

    public int EncodedBytesMax => Varint.BytesMax * (1 + (2 * _buckets.Count));

    public int Encode(Span<byte> target)
    {
        int length = Varint.Write(target, (ulong)_buckets.Count);
        foreach ((long bucket, long bytes) in _buckets)
        {
            length += Varint.Write(target[length..], (ulong)bucket);
            length += Varint.Write(target[length..], (ulong)bytes);
        }

        return length;
    }

    public bool TryDecode(ref SpanReader reader)
    {
        if (!reader.TryReadVarintInt32(out int count) || count > PerRetention + 4) return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong bucket) || !reader.TryReadVarint(out ulong bytes)) return false;
            if (bucket > long.MaxValue || bytes > long.MaxValue) return false;
            _buckets.Add(((long)bucket, (long)bytes));
            Total += (long)bytes;
        }

        return true;
    }
}
