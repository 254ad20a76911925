using Nori.Core;

namespace NoriKV.Node.Machine;

/// <summary>
/// What a shard remembers of a session beside its outcomes, format 1 (docs/formats/state-machine.md):
/// <c>format u8 = 1 | stamp varint | highest varint | floor varint | count varint | (bucket varint, sequence varint)*</c>.
/// Outcomes expire one by one in the engine; the floor is the highest sequence whose outcome may have expired, so that a
/// late repeat is told apart from a call that never came.
/// </summary>
internal sealed class SessionHead
{
    private const byte Format = 1;
    private const int BucketsMax = LedgerBuckets.PerRetention + 4;

    private readonly List<(long Bucket, ulong Sequence)> _buckets = [];

    /// <summary>When it was last used.</summary>
    public long Stamp { get; private set; }

    /// <summary>The highest sequence seen.</summary>
    public ulong Highest { get; private set; }

    /// <summary>Outcomes at or below may have expired.</summary>
    public ulong Floor { get; private set; }

    public static int EncodedBytesMax => 1 + (Varint.BytesMax * (4 + (2 * BucketsMax)));

    /// <summary>Notes a sequence at a stamp, and which outcomes have expired by it.</summary>
    public void Note(ulong sequence, long stamp, long bucketWidthMs)
    {
        Expire(stamp, bucketWidthMs);
        Stamp = stamp;
        Highest = Math.Max(Highest, sequence);
        long bucket = stamp / bucketWidthMs;
        if (_buckets.Count > 0 && _buckets[^1].Bucket == bucket)
        {
            _buckets[^1] = (bucket, Math.Max(_buckets[^1].Sequence, sequence));
        }
        else
        {
            _buckets.Add((bucket, sequence));
        }
    }

    /// <summary>Raises the floor over buckets whose first outcome may be gone at this stamp.</summary>
    public void Expire(long stamp, long bucketWidthMs)
    {
        long newest = (stamp / bucketWidthMs) - LedgerBuckets.PerRetention - 1;
        while (_buckets.Count > 0 && _buckets[0].Bucket <= newest)
        {
            Floor = Math.Max(Floor, _buckets[0].Sequence);
            _buckets.RemoveAt(0);
        }
    }

    public int Encode(Span<byte> target)
    {
        target[0] = Format;
        int length = 1;
        length += Varint.Write(target[length..], (ulong)Stamp);
        length += Varint.Write(target[length..], Highest);
        length += Varint.Write(target[length..], Floor);
        length += Varint.Write(target[length..], (ulong)_buckets.Count);
        foreach ((long bucket, ulong sequence) in _buckets)
        {
            length += Varint.Write(target[length..], (ulong)bucket);
            length += Varint.Write(target[length..], sequence);
        }

        return length;
    }

    public static SessionHead? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadVarint(out ulong stamp) || stamp > long.MaxValue) return null;
        if (!reader.TryReadVarint(out ulong highest) || !reader.TryReadVarint(out ulong floor)) return null;
        if (!reader.TryReadVarintInt32(out int count) || count > BucketsMax) return null;
        var head = new SessionHead { Stamp = (long)stamp, Highest = highest, Floor = floor };
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong bucket) || bucket > long.MaxValue) return null;
            if (!reader.TryReadVarint(out ulong sequence)) return null;
            head._buckets.Add(((long)bucket, sequence));
        }

        return reader.AtEnd ? head : null;
    }
}
