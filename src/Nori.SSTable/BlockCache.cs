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
/// Thread-safe; a hit takes no lock and allocates nothing. The blocks lie outside the collected heap, which would copy each of them
/// while threads stand still. One that somebody reads stays valid when it is evicted and also when the cache is disposed
/// (docs/decisions/0010-block-cache.md, 0205-cached-blocks-outside-the-heap.md).
/// </remarks>
public sealed class BlockCache : IDisposable
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

    /// <summary>Frees the blocks of a cache that nobody disposed of.</summary>
    ~BlockCache() => Close();

    /// <summary>The most it holds, in bytes.</summary>
    public long BytesMax { get; }

    /// <summary>
    /// Memory of this process for blocks outside the collected heap, in bytes: of all caches, and of what is read past them.
    /// </summary>
    public static long ProcessBytes => BlockMemory.Bytes;

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

    /// <summary>Gives up all blocks; tables go on reading, past it. Idempotent.</summary>
    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>The block, to be released by the caller; false when it is not here.</summary>
    // Hot path.
    internal bool Find(ulong owner, long offset, out Block block)
    {
        ulong hash = Hash(owner, offset);
        bool found = ShardOf(hash).Find(owner, offset, hash, out block);
        ref Stripe stripe = ref _stripes[Thread.GetCurrentProcessorId() & (_stripes.Length - 1)];
        if (found) Interlocked.Increment(ref stripe.Hits);
        else Interlocked.Increment(ref stripe.Misses);
        return found;
    }

    /// <summary>
    /// Takes the block over; what is returned, perhaps another thread's, is to be released in its place.
    /// </summary>
    internal Block Insert(ulong owner, long offset, in Block block)
    {
        ulong hash = Hash(owner, offset);
        return ShardOf(hash).Insert(owner, offset, hash, in block);
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

    private void Close()
    {
        foreach (CacheShard shard in _shards) shard.Close();
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
