using System.Buffers.Binary;
using Nori.SSTable.Format;

namespace Nori.SSTable.Blocks;

/// <summary>
/// Checks every entry of a sorted block once, when it comes from disk: lengths, restart points, kinds and the
/// order that the builder checked on writing. What passes can be read without further doubt.
/// </summary>
internal static class BlockValidator
{
    [ThreadStatic]
    private static byte[]? _keyBuffer;

    /// <summary>Null and the layout when the block is sound, else what is wrong.</summary>
    /// <param name="block">The uncompressed block.</param>
    /// <param name="role">Decides which kinds and values belong there.</param>
    /// <param name="handleEnd">Handles in index blocks end at or before this offset.</param>
    /// <param name="layout">What was learned.</param>
    public static string? Validate(
        ReadOnlySpan<byte> block, BlockRole role, long handleEnd, out BlockLayout layout)
    {
        layout = default;
        if (block.Length < sizeof(uint)) return "a block shorter than its restart count";
        uint restarts = BinaryPrimitives.ReadUInt32LittleEndian(block[^sizeof(uint)..]);
        long entriesLength = block.Length - (restarts + 1L) * sizeof(uint);
        if (entriesLength < 0) return $"{restarts} restart points in a block of {block.Length} bytes";
        if (restarts == 0) return entriesLength == 0 ? null : "entries without a restart point";

        ReadOnlySpan<byte> entries = block[..(int)entriesLength];
        ReadOnlySpan<byte> restartOffsets = block[(int)entriesLength..^sizeof(uint)];
        return ValidateEntries(entries, restartOffsets, role, handleEnd, out layout);
    }

    private static string? ValidateEntries(
        ReadOnlySpan<byte> entries, ReadOnlySpan<byte> restartOffsets, BlockRole role, long handleEnd,
        out BlockLayout layout)
    {
        layout = default;
        byte[] key = _keyBuffer ??= new byte[TableFormat.KeyBytesMax];
        int keyLength = 0;
        int keyLengthMax = 0;
        ulong lastTrailer = 0;
        int nextRestart = 0;
        int count = 0;
        long lastHandleEnd = 0;
        for (int offset = 0; offset < entries.Length; count++)
        {
            if (!EntryHeader.TryRead(entries, offset, out EntryHeader header))
                return $"a broken entry at {offset}";
            if (header.Shared > keyLength)
                return $"an entry at {offset} that shares more than its predecessor's key";
            if (header.KeyLength > TableFormat.KeyBytesMax)
                return $"a key of {header.KeyLength} bytes at {offset}";

            int restartAt = nextRestart * sizeof(uint);
            bool isRestart = restartAt < restartOffsets.Length
                && BinaryPrimitives.ReadUInt32LittleEndian(restartOffsets[restartAt..]) == (uint)offset;
            if (isRestart) nextRestart++;
            if (isRestart && header.Shared != 0) return $"a restart point at {offset} without a whole key";
            if (count == 0 && !isRestart) return "a first entry that is no restart point";

            ReadOnlySpan<byte> suffix = entries.Slice(header.KeyOffset, header.Unshared);
            int order = suffix.SequenceCompareTo(key.AsSpan(header.Shared, keyLength - header.Shared));
            bool rises = order > 0 || (order == 0 && header.Trailer >> 8 < lastTrailer >> 8);
            if (count > 0 && !rises) return $"an entry at {offset} that does not sort behind its predecessor";
            suffix.CopyTo(key.AsSpan(header.Shared));
            keyLength = header.KeyLength;
            keyLengthMax = Math.Max(keyLengthMax, keyLength);
            lastTrailer = header.Trailer;

            ReadOnlySpan<byte> value = entries.Slice(header.ValueOffset, header.ValueLength);
            string? problem = CheckEntry(role, header, value, handleEnd, ref lastHandleEnd);
            if (problem is not null) return $"{problem} at {offset}";
            offset = header.End;
        }

        if (nextRestart * sizeof(uint) != restartOffsets.Length) return "a restart point that is no entry";
        layout = new BlockLayout(entries.Length, nextRestart, count, keyLengthMax);
        return null;
    }

    private static string? CheckEntry(
        BlockRole role, in EntryHeader header, ReadOnlySpan<byte> value, long handleEnd,
        ref long lastHandleEnd)
    {
        var kind = (EntryKind)(byte)header.Trailer;
        switch (role)
        {
            case BlockRole.Data:
                if (header.ValueLength > TableFormat.ValueBytesMax)
                    return $"a value of {header.ValueLength} bytes";
                if (kind > EntryKind.PutWithExpiry) return $"an entry of kind {(byte)kind}";
                if (kind == EntryKind.Delete && value.Length != 0) return "a delete with a value";
                if (kind == EntryKind.PutWithExpiry && value.Length < sizeof(ulong))
                    return "an expiry cut short";
                return null;
            case BlockRole.RangeDeletes:
                if (kind != EntryKind.RangeDelete)
                    return $"an entry of kind {(byte)kind} among range deletes";
                return value.Length > TableFormat.KeyBytesMax ? $"a range end of {value.Length} bytes" : null;
            case BlockRole.Index or BlockRole.TopIndex:
                if (!BlockHandle.TryRead(value, out BlockHandle handle)) return "a broken block handle";
                if (handle.Offset < lastHandleEnd) return "a block handle that overlaps its predecessor";
                if (handle.End > handleEnd)
                    return $"a block handle that ends at {handle.End}, beyond {handleEnd},";
                lastHandleEnd = handle.End;
                return null;
            default:
                return null;
        }
    }
}
