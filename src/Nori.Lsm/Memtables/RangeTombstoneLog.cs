namespace Nori.Lsm.Memtables;

/// <summary>
/// The range tombstones of a memtable in the order in which they were written, which is that of their sequence numbers.
/// One thread adds; readers take no lock.
/// </summary>
/// <remarks>
/// A tree over the order: node i of level l holds the newest of tombstones i × 2^l to (i + 1) × 2^l − 1 on each fragment, and
/// is made from its two halves by the first reader that needs it. A reader at any sequence number asks the at most
/// log2(n) nodes that make up what it may see, the newest first. So a delete makes no reader cut all of them again.
/// </remarks>
internal sealed class RangeTombstoneLog
{
    private const int LevelsMax = 31;
    private const int FirstCapacity = 16;

    // [0] is unused: a tombstone alone needs no node.
    private readonly RangeTombstoneSet?[]?[] _nodes = new RangeTombstoneSet?[]?[LevelsMax];
    private RangeTombstone[] _items = [];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds one that is newer than all others.</summary>
    public void Add(RangeTombstone tombstone)
    {
        int count = _count;
        if (count == _items.Length) Grow();
        _items[count] = tombstone;
        // Last: who sees the count sees the arrays that have room for it.
        Volatile.Write(ref _count, count + 1);
    }

    /// <summary>The first so many.</summary>
    public IReadOnlyList<RangeTombstone> List() => new ArraySegment<RangeTombstone>(ItemsOf(out int count), 0, count);

    /// <summary>What is there now, for a reader.</summary>
    public RangeTombstoneCover Now()
    {
        int count = Count;
        return count == 0 ? RangeTombstoneSet.Empty : new UpTo(this, count);
    }

    /// <summary>
    /// The newest tombstone at or below <paramref name="maxSequence"/> that covers the key; 0 when none does.
    /// </summary>
    public ulong Covering(ReadOnlySpan<byte> key, ulong maxSequence) => Covering(key, maxSequence, Count);

    private ulong Covering(ReadOnlySpan<byte> key, ulong maxSequence, int count)
    {
        if (count == 0) return 0;
        RangeTombstone[] items = Volatile.Read(ref _items);
        int left = CountUpTo(items, count, maxSequence);
        while (left > 0)
        {
            // The largest node that ends here.
            int level = int.TrailingZeroCount(left);
            int size = 1 << level;
            ulong found = level == 0 ? CoveringOne(items[left - 1], key) : Node(level, (left >> level) - 1).Covering(key, maxSequence);
            if (found != 0) return found;
            left -= size;
        }

        return 0;
    }

    private static int CountUpTo(RangeTombstone[] items, int count, ulong maxSequence)
    {
        if (items[count - 1].Sequence <= maxSequence) return count;
        int low = 0, high = count - 1;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (items[middle].Sequence <= maxSequence) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private static ulong CoveringOne(in RangeTombstone tombstone, ReadOnlySpan<byte> key) =>
        tombstone.Start.AsSpan().SequenceCompareTo(key) <= 0 && tombstone.End.AsSpan().SequenceCompareTo(key) > 0
            ? tombstone.Sequence : 0;

    private RangeTombstoneSet Node(int level, int index)
    {
        if (level == 0) return RangeTombstoneSet.Of(Volatile.Read(ref _items)[index]);
        RangeTombstoneSet?[] nodes = Volatile.Read(ref _nodes[level])!;
        if (Volatile.Read(ref nodes[index]) is { } known) return known;
        // Two readers may both make it, and one made while the writer grows the arrays may be lost: either serves.
        RangeTombstoneSet made = RangeTombstoneSet.Newest(Node(level - 1, (2 * index) + 1), Node(level - 1, 2 * index));
        Volatile.Write(ref nodes[index], made);
        return made;
    }

    private RangeTombstone[] ItemsOf(out int count)
    {
        count = Count;
        return Volatile.Read(ref _items);
    }

    private void Grow()
    {
        int capacity = Math.Max(FirstCapacity, _items.Length * 2);
        for (int level = 1; capacity >> level > 0; level++)
        {
            var nodes = new RangeTombstoneSet?[capacity >> level];
            _nodes[level]?.CopyTo(nodes, 0);
            Volatile.Write(ref _nodes[level], nodes);
        }

        RangeTombstone[] items = new RangeTombstone[capacity];
        _items.CopyTo(items, 0);
        Volatile.Write(ref _items, items);
    }

    private sealed class UpTo(RangeTombstoneLog log, int count) : RangeTombstoneCover
    {
        public override bool IsEmpty => false;

        public override ulong Covering(ReadOnlySpan<byte> key, ulong maxSequence) => log.Covering(key, maxSequence, count);
    }
}
