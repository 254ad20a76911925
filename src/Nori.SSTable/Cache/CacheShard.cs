using Nori.Core;
using Nori.SSTable.Blocks;

namespace Nori.SSTable.Cache;

/// <summary>
/// A part of the cache: hash chains that readers walk without a lock, and a clock (second chance) that
/// decides what goes. A reader that races with an insertion or eviction sees the chain before or after it: at
/// worst one needless read from disk.
/// </summary>
internal sealed class CacheShard
{
    private const int BytesPerBucket = 4096;

    // Guards the ring, the byte count and every change of the chains.
    private readonly Lock _lock = new();
    private readonly CacheEntry?[] _buckets;
    private readonly long _bytesMax;
    private CacheEntry? _hand;
    private long _bytes;
    private long _count;
    private long _evictions;

    public CacheShard(long bytesMax)
    {
        _bytesMax = bytesMax;
        long buckets = Math.Clamp(bytesMax / BytesPerBucket, 16, 1 << 24);
        _buckets = new CacheEntry?[System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)buckets)];
    }

    public long Bytes => Volatile.Read(ref _bytes);

    public long Count => Volatile.Read(ref _count);

    public long Evictions => Volatile.Read(ref _evictions);

    // Hot path: no lock, no allocation, and no write to shared memory when the block was used lately.
    public Block? Find(ulong owner, long offset, ulong hash)
    {
        CacheEntry? entry = Volatile.Read(ref _buckets[hash & (ulong)(_buckets.Length - 1)]);
        for (; entry is not null; entry = entry.Next)
        {
            if (entry.Offset != offset || entry.Owner != owner) continue;
            if (!entry.Referenced) entry.Referenced = true;
            return entry.Block;
        }

        return null;
    }

    /// <summary>Adds the block, or returns the one that another thread added first.</summary>
    public Block Insert(ulong owner, long offset, ulong hash, Block block)
    {
        lock (_lock)
        {
            if (Find(owner, offset, hash) is { } present) return present;
            if (block.Charge > _bytesMax) return block;
            while (_bytes + block.Charge > _bytesMax) EvictOneLocked();

            ref CacheEntry? bucket = ref _buckets[hash & (ulong)(_buckets.Length - 1)];
            var entry = new CacheEntry(owner, offset, block, bucket);
            Volatile.Write(ref bucket, entry);
            LinkBehindHandLocked(entry);
            _bytes += block.Charge;
            _count++;
            return block;
        }
    }

    // Debug and tests: the ring and the counts agree.
    public void CheckInvariants()
    {
        lock (_lock)
        {
            long bytes = 0;
            long count = 0;
            for (CacheEntry? entry = _hand; entry is not null;)
            {
                bytes += entry.Block.Charge;
                count++;
                entry = entry.ClockNext == _hand ? null : entry.ClockNext;
            }

            Invariant.Assert(bytes == _bytes);
            Invariant.Assert(count == _count);
            Invariant.Assert(_bytes <= _bytesMax);
        }
    }

    private void EvictOneLocked()
    {
        while (true)
        {
            CacheEntry victim = _hand!;
            _hand = victim.ClockNext;
            if (!victim.Referenced)
            {
                RemoveLocked(victim);
                return;
            }

            victim.Referenced = false;
        }
    }

    private void RemoveLocked(CacheEntry victim)
    {
        ref CacheEntry? bucket =
            ref _buckets[BlockCache.Hash(victim.Owner, victim.Offset) & (ulong)(_buckets.Length - 1)];
        if (bucket == victim)
        {
            Volatile.Write(ref bucket, victim.Next);
        }
        else
        {
            // A reader standing on the victim still reaches what follows: its Next stays as it is.
            CacheEntry previous = bucket!;
            while (previous.Next != victim) previous = previous.Next!;
            previous.Next = victim.Next;
        }

        if (victim.ClockNext == victim)
        {
            _hand = null;
        }
        else
        {
            victim.ClockPrevious!.ClockNext = victim.ClockNext;
            victim.ClockNext!.ClockPrevious = victim.ClockPrevious;
            if (_hand == victim) _hand = victim.ClockNext;
        }

        _bytes -= victim.Block.Charge;
        _count--;
        _evictions++;
    }

    private void LinkBehindHandLocked(CacheEntry entry)
    {
        if (_hand is null)
        {
            entry.ClockNext = entry.ClockPrevious = entry;
            _hand = entry;
            return;
        }

        entry.ClockNext = _hand;
        entry.ClockPrevious = _hand.ClockPrevious;
        _hand.ClockPrevious!.ClockNext = entry;
        _hand.ClockPrevious = entry;
    }
}
