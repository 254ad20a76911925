using Nori.Core;

namespace Nori.Compression.Codecs;

// Snappy's raw format (google/snappy, format_description.txt): a varint with the uncompressed length, then
// elements.
//
//   tag byte, low two bits:
//     00  literal   upper six bits n: length n+1 for n < 60, else n-59 bytes follow with length-1
//     01  copy      length 4 + bits 2..4, offset 11 bits: bits 5..7 of the tag above one more byte
//     10  copy      length 1 + upper six bits, offset two bytes little-endian
//     11  copy      length 1 + upper six bits, offset four bytes little-endian
//
// An offset counts back from what was written so far; copies may overlap their own output.
internal static class SnappyDecoder
{
    public static bool TryDecode(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (!Varint.TryRead(source, out ulong length, out int position)) return false;
        if (length != (ulong)target.Length) return false;
        int written = 0;
        while (position < source.Length)
        {
            byte tag = source[position++];
            int extra = ExtraBytes(tag);
            if (extra > source.Length - position) return false;
            uint operand = LittleEndian(source.Slice(position, extra));
            position += extra;

            if ((tag & 3) == 0)
            {
                long count = (tag >> 2) < 60 ? (tag >> 2) + 1 : (long)operand + 1;
                if (count > source.Length - position || count > target.Length - written) return false;
                source.Slice(position, (int)count).CopyTo(target[written..]);
                position += (int)count;
                written += (int)count;
                continue;
            }

            bool isShort = (tag & 3) == 1;
            int copied = isShort ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
            uint offset = isShort ? (uint)(tag >> 5 << 8) | operand : operand;
            if (offset == 0 || offset > (uint)written || copied > target.Length - written) return false;
            CopyBack(target, written, (int)offset, copied);
            written += copied;
        }

        return written == target.Length;
    }

    private static int ExtraBytes(byte tag) => (tag & 3) switch
    {
        0 => (tag >> 2) < 60 ? 0 : (tag >> 2) - 59,
        1 => 1,
        2 => 2,
        _ => 4,
    };

    private static uint LittleEndian(ReadOnlySpan<byte> bytes)
    {
        uint value = 0;
        for (int i = 0; i < bytes.Length; i++) value |= (uint)bytes[i] << (8 * i);
        return value;
    }

    private static void CopyBack(Span<byte> target, int written, int offset, int count)
    {
        if (offset >= count)
        {
            target.Slice(written - offset, count).CopyTo(target[written..]);
            return;
        }

        // The copy reads what it writes: a run. Byte by byte, as the format defines it.
        for (int i = 0; i < count; i++) target[written + i] = target[written - offset + i];
    }
}
