namespace Nori.Lsm.Versions;

/// <summary>What the manifest says of a table.</summary>
internal sealed record TableMeta
{
    public required ulong Number { get; init; }

    public required long Bytes { get; init; }

    /// <summary>The least key: of its entries and of its range deletes' starts.</summary>
    public required byte[] Smallest { get; init; }

    /// <summary>The greatest key; a range delete's end when <see cref="LargestIsExclusive"/>.</summary>
    public required byte[] Largest { get; init; }

    public bool LargestIsExclusive { get; init; }

    public ulong SmallestSequence { get; init; }

    public ulong LargestSequence { get; init; }

    public long Entries { get; init; }

    /// <summary>Delete entries among them.</summary>
    public long Deletes { get; init; }

    public long RangeDeletes { get; init; }

    /// <summary>Entries with an expiry.</summary>
    public long Expiring { get; init; }

    /// <summary>
    /// An ingested table: all of its entries have this sequence number, whatever the file says. 0: an own one.
    /// </summary>
    public ulong GlobalSequence { get; init; }

    /// <summary>True when the key lies above everything in the table.</summary>
    public bool EndsBefore(ReadOnlySpan<byte> key)
    {
        int order = Largest.AsSpan().SequenceCompareTo(key);
        return order < 0 || (order == 0 && LargestIsExclusive);
    }

    /// <summary>True when the table has room for a key in [first, last]; both inclusive.</summary>
    public bool Overlaps(ReadOnlySpan<byte> first, ReadOnlySpan<byte> last) =>
        !EndsBefore(first) && Smallest.AsSpan().SequenceCompareTo(last) <= 0;

    public bool Contains(ReadOnlySpan<byte> key) => Overlaps(key, key);
}
