using System.Numerics;
using Nori.Core;
using Nori.SSTable.Blocks;

namespace Nori.SSTable.Cache;

/// <summary>
/// A part of the cache: hash chains that readers walk without a lock, and a clock (second chance) that
/// decides what goes. A reader that races with an insertion or eviction sees the chain before or after it, or leaves it for another
/// one where a slot is used again: at worst one needless read from disk, for it looks at the place again once it has pinned it.
/// </summary>
internal sealed class CacheShard
{
    private const int None = -1;
    private const int BytesPerBucket = 4096;

    // A cache of any size is made at once, of 80 MiB at most: 64 shards' buckets are enough for 64 GiB of blocks of 4 KiB, and beyond
    // the chains grow longer; their slots for 16 TiB.
    private const int BucketsMax = 1 << 18;
    private const long SlotsMax = 1 << 26;
    private const int ChunkSlotsMax = 2048;

    // Guards the ring, the byte count, unused slots and every change of the chains.
    private readonly Lock _lock = new();
    private readonly int[] _buckets;
    private readonly CacheSlot[]?[] _chunks;
    private readonly int _chunkShift;
    private readonly long _bytesMax;
    private int _slots;
    private int _unused = None;
    private int _hand = None;
    private long _bytes;
    private long _count;
    private long _evictions;
    private bool _isClosed;

    public CacheShard(long bytesMax)
    {
        _bytesMax = bytesMax;
        long buckets = Math.Clamp(bytesMax / BytesPerBucket, 16, BucketsMax);
        _buckets = new int[BitOperations.RoundUpToPowerOf2((ulong)buckets)];
        Array.Fill(_buckets, None);
        _chunkShift = BitOperations.Log2((uint)Math.Min(_buckets.Length, ChunkSlotsMax));
        // Also where all blocks are empty, and as many more as are evicted and still read.
        long slots = Math.Min(2 * (bytesMax / CacheSlot.OverheadBytes) + 1, SlotsMax);
        _chunks = new CacheSlot[(slots >> _chunkShift) + 1][];
    }

    public long Bytes => Volatile.Read(ref _bytes);

    public long Count => Volatile.Read(ref _count);

    public long Evictions => Volatile.Read(ref _evictions);

    /// <summary>The block, pinned for the caller; false when it is not here.</summary>
    // Hot path: no lock, no allocation, one interlocked operation.
    public bool Find(ulong owner, long offset, ulong hash, out Block block)
    {
        int number = Volatile.Read(ref _buckets[hash & (ulong)(_buckets.Length - 1)]);
        while (number != None)
        {
            ref CacheSlot slot = ref SlotOf(number);
            if (slot.IsAt(owner, offset)) return TryPin(ref slot, number, owner, offset, out block);
            number = Volatile.Read(ref slot.Next);
        }

        block = default;
        return false;
    }

    /// <summary>
    /// Takes over a block that nobody shares, or releases it for one that another thread added first; what is returned is pinned for the
    /// caller. A block that is not to be kept is returned as it is.
    /// </summary>
    public Block Insert(ulong owner, long offset, ulong hash, in Block block)
    {
        lock (_lock)
        {
            if (Find(owner, offset, hash, out Block present))
            {
                block.Release();
                return present;
            }

            long charge = Charge(block.Length);
            if (_isClosed || charge > _bytesMax) return block;
            while (_bytes + charge > _bytesMax) EvictOneLocked();
            if (!TryTakeSlotLocked(out int number)) return block;

            ref int bucket = ref _buckets[hash & (ulong)(_buckets.Length - 1)];
            ref CacheSlot slot = ref SlotOf(number);
            (slot.Owner, slot.Offset, slot.Memory, slot.Length) = (owner, offset, block.TakeMemory(), block.Length);
            (slot.EntriesLength, slot.RestartCount) = (block.EntriesLength, block.RestartCount);
            (slot.KeyLengthMax, slot.Role, slot.Referenced) = (block.KeyLengthMax, block.Role, false);
            Volatile.Write(ref slot.Next, bucket);
            // The cache's pin and the caller's; readers that came too late for what was here before take back what they added.
            Interlocked.Add(ref slot.Pins, 2 - CacheSlot.Unused);
            Volatile.Write(ref bucket, number);
            LinkBehindHandLocked(ref slot, number);
            _bytes += charge;
            _count++;
            return new Block(this, number, slot);
        }
    }

    /// <summary>A reader is done with the slot's block, or the cache.</summary>
    public void Unpin(int number)
    {
        ref CacheSlot slot = ref SlotOf(number);
        int left = Interlocked.Decrement(ref slot.Pins);
        Invariant.Assert(left >= 0);
        // A reader may pin it again before this: then that one frees it.
        if (left != 0 || Interlocked.CompareExchange(ref slot.Pins, CacheSlot.Unused, 0) != 0) return;
        BlockMemory.Free(slot.Memory, slot.Length);
        lock (_lock)
        {
            Volatile.Write(ref slot.Next, _unused);
            _unused = number;
        }
    }

    /// <summary>Gives up all blocks and keeps none from now on.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            while (_hand != None) RemoveLocked(_hand);
        }
    }

    // Debug and tests: the ring and the counts agree.
    public void CheckInvariants()
    {
        lock (_lock)
        {
            long bytes = 0;
            long count = 0;
            for (int number = _hand; number != None;)
            {
                ref CacheSlot slot = ref SlotOf(number);
                Invariant.Assert(slot.Pins >= 1);
                bytes += Charge(slot.Length);
                count++;
                number = slot.ClockNext == _hand ? None : slot.ClockNext;
            }

            Invariant.Assert(bytes == _bytes);
            Invariant.Assert(count == _count);
            Invariant.Assert(_bytes <= _bytesMax);
        }
    }

    private static long Charge(int length) => (long)length + CacheSlot.OverheadBytes;

    private bool TryPin(ref CacheSlot slot, int number, ulong owner, long offset, out Block block)
    {
        if (Interlocked.Increment(ref slot.Pins) <= 0)
        {
            // Freed under this reader's hands.
            Interlocked.Decrement(ref slot.Pins);
        }
        else if (slot.IsAt(owner, offset))
        {
            // While it is pinned it stays what it is.
            if (!slot.Referenced) slot.Referenced = true;
            block = new Block(this, number, slot);
            return true;
        }
        else
        {
            Unpin(number);
        }

        block = default;
        return false;
    }

    private ref CacheSlot SlotOf(int number) =>
        ref _chunks[number >> _chunkShift]![number & ((1 << _chunkShift) - 1)];

    // False: so many evicted blocks are still read that no slot is left.
    private bool TryTakeSlotLocked(out int number)
    {
        number = _unused;
        if (number != None)
        {
            _unused = SlotOf(number).Next;
            return true;
        }

        int chunk = _slots >> _chunkShift;
        if (chunk == _chunks.Length) return false;
        if (_chunks[chunk] is null)
        {
            var slots = new CacheSlot[1 << _chunkShift];
            for (int i = 0; i < slots.Length; i++) (slots[i].Pins, slots[i].Next) = (CacheSlot.Unused, None);
            Volatile.Write(ref _chunks[chunk], slots);
        }

        number = _slots++;
        return true;
    }

    private void EvictOneLocked()
    {
        while (true)
        {
            int victim = _hand;
            ref CacheSlot slot = ref SlotOf(victim);
            _hand = slot.ClockNext;
            if (!slot.Referenced)
            {
                RemoveLocked(victim);
                _evictions++;
                return;
            }

            slot.Referenced = false;
        }
    }

    private void RemoveLocked(int victim)
    {
        ref CacheSlot slot = ref SlotOf(victim);
        ref int link = ref _buckets[BlockCache.Hash(slot.Owner, slot.Offset) & (ulong)(_buckets.Length - 1)];
        // A reader standing on the victim still reaches what follows: its Next stays as it is while it is pinned.
        while (link != victim) link = ref SlotOf(link).Next;
        Volatile.Write(ref link, slot.Next);

        if (slot.ClockNext == victim)
        {
            _hand = None;
        }
        else
        {
            SlotOf(slot.ClockPrevious).ClockNext = slot.ClockNext;
            SlotOf(slot.ClockNext).ClockPrevious = slot.ClockPrevious;
            if (_hand == victim) _hand = slot.ClockNext;
        }

        _bytes -= Charge(slot.Length);
        _count--;
        Unpin(victim);
    }

    private void LinkBehindHandLocked(ref CacheSlot slot, int number)
    {
        if (_hand == None)
        {
            slot.ClockNext = slot.ClockPrevious = number;
            _hand = number;
            return;
        }

        ref CacheSlot hand = ref SlotOf(_hand);
        slot.ClockNext = _hand;
        slot.ClockPrevious = hand.ClockPrevious;
        SlotOf(hand.ClockPrevious).ClockNext = number;
        hand.ClockPrevious = number;
    }
}
