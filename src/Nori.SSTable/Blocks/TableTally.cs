using System.Buffers;
using System.Globalization;
using Nori.IO;
using Nori.SSTable.Format;

namespace Nori.SSTable.Blocks;

/// <summary>
/// Counts what a verification passes by and compares it with what index, filter and properties say.
/// </summary>
internal sealed class TableTally(TableReader reader)
{
    private TableCounters _counts;
    private BlockCursor _cursor = new();
    private readonly ArrayBufferWriter<byte> _lastKey = new(64);
    private ulong _lastTrailer;
    private readonly ArrayBufferWriter<byte> _lastSeparator = new(64);
    private ulong _lastSeparatorTrailer;
    private byte[] _firstKey = [];
    private bool _hasSequence;

    /// <summary>
    /// Checks a data block's entries against the one before and the separator that the index gives it.
    /// </summary>
    public void CheckBlock(
        Block block, BlockHandle handle, ReadOnlySpan<byte> separator, ulong separatorTrailer)
    {
        _counts.CountBlock(BlockRole.Data, handle);
        _cursor.Reset(block);
        _cursor.SeekToFirst();
        if (!_cursor.Valid) throw Corrupt(handle.Offset, "a data block with entries", "none");
        bool isBehind = _counts.DataBlocks == 1
            || Compare(_lastSeparator.WrittenSpan, _lastSeparatorTrailer, _cursor.Key, _cursor.Trailer) < 0;
        if (!isBehind)
            throw Corrupt(handle.Offset, "a block behind the separator before it", "an earlier key");
        for (; _cursor.Valid; _cursor.Next()) CheckEntry(handle);
        if (Compare(_lastKey.WrittenSpan, _lastTrailer, separator, separatorTrailer) > 0)
            throw Corrupt(handle.Offset, "a block that ends at its separator", "a later key");
        Keep(_lastSeparator, separator);
        _lastSeparatorTrailer = separatorTrailer;
    }

    public void EndIndexBlock(ReadOnlySpan<byte> topKey, ulong topTrailer, BlockHandle handle)
    {
        _counts.CountBlock(BlockRole.Index, handle);
        bool isLast = topTrailer == _lastSeparatorTrailer && topKey.SequenceEqual(_lastSeparator.WrittenSpan);
        if (!isLast) throw Corrupt(handle.Offset, "the separator that the top index has", "another");
    }

    public void CheckTotals()
    {
        TableProperties p = reader.Properties;
        foreach (RangeDelete range in reader.RangeDeletes) CountSequence(range.Sequence);
        CheckTotal("entries", p.Entries, _counts.Entries);
        CheckTotal("deletes", p.Deletes, _counts.Deletes);
        CheckTotal("expiring entries", p.ExpiringEntries, _counts.ExpiringEntries);
        CheckTotal("distinct keys", p.DistinctKeys, _counts.DistinctKeys);
        CheckTotal("range deletes", p.RangeDeletes, reader.RangeDeletes.Count);
        CheckTotal("data blocks", p.DataBlocks, _counts.DataBlocks);
        CheckTotal("index blocks", p.IndexBlocks, _counts.IndexBlocks);
        CheckTotal("key bytes", p.RawKeyBytes, _counts.RawKeyBytes);
        CheckTotal("value bytes", p.RawValueBytes, _counts.RawValueBytes);
        CheckTotal("smallest sequence", (long)p.SmallestSequence, (long)_counts.SmallestSequence);
        CheckTotal("largest sequence", (long)p.LargestSequence, (long)_counts.LargestSequence);
        if (_counts.Entries == 0) return;
        bool covers = p.SmallestKey.Span.SequenceCompareTo(_firstKey) <= 0
            && p.LargestKey.Span.SequenceCompareTo(_lastKey.WrittenSpan) >= 0;
        if (!covers)
            throw Corrupt(reader.Footer.Properties.Offset, "bounds around every key", "a key outside");
    }

    private void CheckEntry(BlockHandle handle)
    {
        ReadOnlySpan<byte> key = _cursor.Key;
        bool isFirst = _counts.Entries == 0;
        bool isNewKey = isFirst || !key.SequenceEqual(_lastKey.WrittenSpan);
        if (isFirst) _firstKey = key.ToArray();
        if (isNewKey && !reader.MayContain(TableReader.HashKey(key)))
            throw Corrupt(handle.Offset, "keys that the filter knows", "one that it denies");
        _counts.CountEntry(key.Length, _cursor.Value.Length, (EntryKind)(byte)_cursor.Trailer, isNewKey);
        CountSequence(_cursor.Trailer >> 8);
        if (isNewKey) Keep(_lastKey, key);
        _lastTrailer = _cursor.Trailer;
    }

    private static void Keep(ArrayBufferWriter<byte> target, ReadOnlySpan<byte> bytes)
    {
        target.ResetWrittenCount();
        target.Write(bytes);
    }

    private void CountSequence(ulong sequence)
    {
        _counts.CountSequence(sequence, isFirst: !_hasSequence);
        _hasSequence = true;
    }

    private void CheckTotal(string name, long stated, long counted)
    {
        if (stated == counted) return;
        throw Corrupt(
            reader.Footer.Properties.Offset, $"{stated.ToString(CultureInfo.InvariantCulture)} {name}",
            counted.ToString(CultureInfo.InvariantCulture));
    }

    private static int Compare(ReadOnlySpan<byte> a, ulong aTrailer, ReadOnlySpan<byte> b, ulong bTrailer)
    {
        int order = a.SequenceCompareTo(b);
        return order != 0 ? order : (bTrailer >> 8).CompareTo(aTrailer >> 8);
    }

    private CorruptionException Corrupt(long offset, string expected, string actual) =>
        new(reader.Path, offset, expected, actual);
}
