using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Nori.SSTable.Blocks;
using Nori.SSTable.Cache;

namespace Nori.SSTable;

/// <summary>
/// Keeps uncompressed data and index blocks up to a number of bytes, shared by any number of tables.
/// </summary>
/// <remarks>
/// Thread-safe; a hit takes no lock and allocates nothing. Blocks belong to the garbage collector: an evicted
/// block that somebody still reads stays valid (docs/decisions/0010-block-cache.md).
/// </remarks>
public sealed class BlockCache
{
    private const long ShardBytesMin = 4L << 20;
    private const int ShardsMax = 64;
    private const int StripesMax = 16;

    private readonly CacheShard[] _shards;
    private readonly Stripe[] _stripes;
    private long _lastOwner;

    /// <summary>Makes an empty cache.</summary>
    /// <param name="bytes">
    /// The most it holds, in bytes of blocks and their bookkeeping; 0 keeps nothing. A block larger than a
    /// shard (a 64th of a large cache, at least 4 MiB) is never kept.
    /// </param>
    public BlockCache(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        BytesMax = bytes;
        int shards = (int)BitOperations.RoundUpToPowerOf2(
            (ulong)Math.Clamp(bytes / ShardBytesMin / 2, 1, ShardsMax));
        _shards = new CacheShard[shards];
        for (int i = 0; i < shards; i++) _shards[i] = new CacheShard(bytes / shards);
        int stripes = (int)BitOperations.RoundUpToPowerOf2(
            (ulong)Math.Clamp(Environment.ProcessorCount, 1, StripesMax));
        _stripes = new Stripe[stripes];
    }

    /// <summary>The most it holds, in bytes.</summary>
    public long BytesMax { get; }

    /// <summary>What it holds now, in bytes.</summary>
    public long Bytes => _shards.Sum(shard => shard.Bytes);

    /// <summary>The blocks it holds now.</summary>
    public long Count => _shards.Sum(shard => shard.Count);

    /// <summary>Blocks that were removed for others.</summary>
    public long Evictions => _shards.Sum(shard => shard.Evictions);

    /// <summary>Reads that found their block.</summary>
    public long Hits => _stripes.Sum(stripe => Volatile.Read(ref stripe.Hits));

    /// <summary>Reads that did not.</summary>
    public long Misses => _stripes.Sum(stripe => Volatile.Read(ref stripe.Misses));

    /// <summary>A name for a table that no other table of this cache has.</summary>
    public ulong NextOwner() => (ulong)Interlocked.Increment(ref _lastOwner);

    // Hot path.
    internal Block? Find(ulong owner, long offset)
    {
        ulong hash = Hash(owner, offset);
        Block? block = ShardOf(hash).Find(owner, offset, hash);
        ref Stripe stripe = ref _stripes[Thread.GetCurrentProcessorId() & (_stripes.Length - 1)];
        if (block is not null) Interlocked.Increment(ref stripe.Hits);
        else Interlocked.Increment(ref stripe.Misses);
        return block;
    }

    internal Block Insert(ulong owner, long offset, Block block)
    {
        ulong hash = Hash(owner, offset);
        return ShardOf(hash).Insert(owner, offset, hash, block);
    }

    internal void CheckInvariants()
    {
        foreach (CacheShard shard in _shards) shard.CheckInvariants();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Hash(ulong owner, long offset)
    {
        ulong hash = (owner * 0x9E3779B97F4A7C15) ^ (ulong)offset;
        hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93;
        return hash ^ (hash >> 32);
    }

    private CacheShard ShardOf(ulong hash) => _shards[(hash >> 56) & (ulong)(_shards.Length - 1)];

    /// <summary>Counters of one processor, on a cache line of their own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Stripe
    {
        [FieldOffset(0)]
        public long Hits;

        [FieldOffset(8)]
        public long Misses;
    }
}
