namespace Nori.SSTable.Blocks;

/// <summary>
/// Gathers a table's range deletes and writes their block: key = start, trailer = sequence and kind, value =
/// end.
/// </summary>
internal sealed class RangeDeleteList
{
    private readonly List<RangeDelete> _items = [];

    public int Count => _items.Count;

    /// <summary>About the bytes of the block.</summary>
    public long Bytes { get; private set; }

    public ReadOnlyMemory<byte> LargestEnd { get; private set; }

    public ReadOnlyMemory<byte> SmallestStart { get; private set; }

    public void Add(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, ulong sequence)
    {
        var item = new RangeDelete(start.ToArray(), end.ToArray(), sequence);
        if (Count == 0 || start.SequenceCompareTo(SmallestStart.Span) < 0) SmallestStart = item.Start;
        if (Count == 0 || end.SequenceCompareTo(LargestEnd.Span) > 0) LargestEnd = item.End;
        _items.Add(item);
        Bytes += start.Length + end.Length + 16;
    }

    /// <summary>Sorts by start, then sequence descending; of equal ones the widest remains.</summary>
    public byte[] Encode()
    {
        _items.Sort(Compare);
        for (int i = _items.Count - 1; i > 0; i--)
        {
            RangeDelete previous = _items[i - 1];
            bool isSame = previous.Sequence == _items[i].Sequence
                && previous.Start.Span.SequenceEqual(_items[i].Start.Span);
            if (isSame) _items.RemoveAt(i);
        }

        var builder = new BlockBuilder(restartInterval: 16);
        foreach (RangeDelete item in _items)
            builder.Add(item.Start.Span, item.Sequence << 8 | (byte)EntryKind.RangeDelete, item.End.Span);
        return builder.Finish().ToArray();
    }

    /// <summary>Null when a range is empty.</summary>
    public static RangeDelete[]? Decode(Block block)
    {
        var items = new List<RangeDelete>();
        var cursor = new BlockCursor();
        cursor.Reset(block);
        for (cursor.SeekToFirst(); cursor.Valid; cursor.Next())
        {
            if (cursor.Key.SequenceCompareTo(cursor.Value) >= 0) return null;
            items.Add(new RangeDelete(cursor.Key.ToArray(), cursor.Value.ToArray(), cursor.Trailer >> 8));
        }

        return items.ToArray();
    }

    private static int Compare(RangeDelete a, RangeDelete b)
    {
        int order = a.Start.Span.SequenceCompareTo(b.Start.Span);
        if (order == 0) order = b.Sequence.CompareTo(a.Sequence);
        return order != 0 ? order : b.End.Span.SequenceCompareTo(a.End.Span);
    }
}
