using System.Runtime.CompilerServices;
using Nori.Core;

namespace Nori.SSTable.Blocks;

// One entry of a sorted block:
//
//   shared varint | unshared varint | value length varint | trailer varint | key suffix | value
//
// The key is the first `shared` bytes of the previous entry's key and the suffix. The trailer is sequence <<
// 8 | kind. Hot path: read for every entry passed by; do not allocate, do not validate (BlockValidator did).
internal readonly struct EntryHeader
{
    public readonly int Shared;
    public readonly int Unshared;
    public readonly int ValueLength;
    public readonly ulong Trailer;

    /// <summary>Where the key suffix begins.</summary>
    public readonly int KeyOffset;

    private EntryHeader(int shared, int unshared, int valueLength, ulong trailer, int keyOffset)
    {
        Shared = shared;
        Unshared = unshared;
        ValueLength = valueLength;
        Trailer = trailer;
        KeyOffset = keyOffset;
    }

    public int ValueOffset => KeyOffset + Unshared;

    public int End => KeyOffset + Unshared + ValueLength;

    public int KeyLength => Shared + Unshared;

    /// <summary>Reads a header of a block that was validated.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EntryHeader Read(ReadOnlySpan<byte> block, int offset)
    {
        int shared = ReadInt32(block, ref offset);
        int unshared = ReadInt32(block, ref offset);
        int valueLength = ReadInt32(block, ref offset);
        ulong trailer = ReadUInt64(block, ref offset);
        return new EntryHeader(shared, unshared, valueLength, trailer, offset);
    }

    /// <summary>Reads a header nobody vouches for; false when it does not fit the entries.</summary>
    public static bool TryRead(ReadOnlySpan<byte> entries, int offset, out EntryHeader header)
    {
        var reader = new SpanReader(entries[offset..]);
        header = default;
        if (!reader.TryReadVarintInt32(out int shared)) return false;
        if (!reader.TryReadVarintInt32(out int unshared)) return false;
        if (!reader.TryReadVarintInt32(out int valueLength)) return false;
        if (!reader.TryReadVarint(out ulong trailer)) return false;
        if ((long)unshared + valueLength > reader.Remaining.Length) return false;
        header = new EntryHeader(shared, unshared, valueLength, trailer, offset + reader.Position);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ReadInt32(ReadOnlySpan<byte> block, ref int offset)
    {
        byte first = block[offset];
        if (first < 0x80)
        {
            offset++;
            return first;
        }

        return (int)ReadLong(block, ref offset);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong ReadUInt64(ReadOnlySpan<byte> block, ref int offset)
    {
        byte first = block[offset];
        if (first < 0x80)
        {
            offset++;
            return first;
        }

        return ReadLong(block, ref offset);
    }

    private static ulong ReadLong(ReadOnlySpan<byte> block, ref int offset)
    {
        ulong value = 0;
        int shift = 0;
        byte b;
        do
        {
            b = block[offset++];
            value |= (ulong)(b & 0x7F) << shift;
            shift += 7;
        }
        while (b >= 0x80);
        return value;
    }
}
