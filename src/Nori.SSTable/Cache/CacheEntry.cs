using Nori.SSTable.Blocks;

namespace Nori.SSTable.Cache;

/// <summary>
/// One cached block: an element of a hash chain (read without a lock) and of the clock's ring.
/// </summary>
internal sealed class CacheEntry(ulong owner, long offset, Block block, CacheEntry? next)
{
    public readonly ulong Owner = owner;
    public readonly long Offset = offset;
    public readonly Block Block = block;

    // Read without the lock; changed under it.
    public volatile CacheEntry? Next = next;

    // Set without the lock by readers, cleared under it by the clock's hand: a lost update costs one wrong
    // eviction.
    public volatile bool Referenced;

    // The ring, under the lock.
    public CacheEntry? ClockNext;
    public CacheEntry? ClockPrevious;
}
