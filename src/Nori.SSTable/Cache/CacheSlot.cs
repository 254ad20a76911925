using Nori.SSTable.Blocks;
using Nori.SSTable.Format;

namespace Nori.SSTable.Cache;

/// <summary>
/// A place for one cached block: an element of a hash chain (read without a lock) and of the clock's ring. Slots lie in arrays without a
/// reference in them, which the garbage collector neither copies nor walks; they are used again, never given back.
/// </summary>
internal struct CacheSlot
{
    /// <summary>Pins of a slot without a block, far below zero: readers that come too late add to it for a moment.</summary>
    public const int Unused = int.MinValue / 2;

    /// <summary>What one costs besides its block's contents: slot, bucket, and the allocator's own.</summary>
    public const int OverheadBytes = 128;

    // 64 bytes in this order. What a lookup reads comes first.
    public ulong Owner;
    public long Offset;

    // Numbers of slots, or none. Next is read without the lock and changed under it; of unused slots it links those.
    public int Next;

    /// <summary>The cache's one while it has the block, and one for each reader. The memory is freed with the last.</summary>
    public int Pins;

    public nint Memory;
    public int Length;
    public int EntriesLength;
    public int RestartCount;
    public int KeyLengthMax;

    // The ring, under the lock.
    public int ClockNext;
    public int ClockPrevious;

    public BlockRole Role;

    // Set without the lock by readers, cleared under it by the clock's hand: a lost update costs one wrong eviction.
    public bool Referenced;

    public readonly bool IsAt(ulong owner, long offset) => Offset == offset && Owner == owner;
}
