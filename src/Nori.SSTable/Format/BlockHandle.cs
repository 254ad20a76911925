using Nori.Core;

namespace Nori.SSTable.Format;

/// <summary>
/// Where a block lies: its offset and the length of its payload, in bytes; the trailer follows the payload.
/// </summary>
internal readonly record struct BlockHandle(long Offset, int Length)
{
    public const int BytesMax = 2 * Varint.BytesMax;

    public bool IsAbsent => Length == 0 && Offset == 0;

    public long End => Offset + Length + TableFormat.TrailerBytes;

    // Index entries: varint offset, varint length.
    public int Write(Span<byte> target)
    {
        int written = Varint.Write(target, (ulong)Offset);
        return written + Varint.Write(target[written..], (ulong)Length);
    }

    public static bool TryRead(ReadOnlySpan<byte> source, out BlockHandle handle)
    {
        var reader = new SpanReader(source);
        handle = default;
        if (!reader.TryReadVarint(out ulong offset) || offset > long.MaxValue / 2) return false;
        if (!reader.TryReadVarintInt32(out int length) || length > TableFormat.BlockBytesMax) return false;
        if (!reader.AtEnd) return false;
        handle = new BlockHandle((long)offset, length);
        return true;
    }
}
