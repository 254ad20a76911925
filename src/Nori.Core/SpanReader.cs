using System.Buffers.Binary;

namespace Nori.Core;

/// <summary>
/// Reads fields from bytes that nobody vouches for: never throws, never allocates, false on short input.
/// </summary>
public ref struct SpanReader(ReadOnlySpan<byte> source)
{
    private readonly ReadOnlySpan<byte> _source = source;

    /// <summary>Bytes consumed so far.</summary>
    public int Position { get; private set; }

    /// <summary>Bytes not yet consumed.</summary>
    public readonly ReadOnlySpan<byte> Remaining => _source[Position..];

    /// <summary>True when every byte was consumed.</summary>
    public readonly bool AtEnd => Position == _source.Length;

    /// <summary>Reads one byte.</summary>
    public bool TryReadByte(out byte value)
    {
        bool ok = TryReadBytes(1, out ReadOnlySpan<byte> bytes);
        value = ok ? bytes[0] : (byte)0;
        return ok;
    }

    /// <summary>Reads a 16-bit little-endian value.</summary>
    public bool TryReadUInt16(out ushort value)
    {
        bool ok = TryReadBytes(sizeof(ushort), out ReadOnlySpan<byte> bytes);
        value = ok ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : (ushort)0;
        return ok;
    }

    /// <summary>Reads a 32-bit little-endian value.</summary>
    public bool TryReadUInt32(out uint value)
    {
        bool ok = TryReadBytes(sizeof(uint), out ReadOnlySpan<byte> bytes);
        value = ok ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;
        return ok;
    }

    /// <summary>Reads a 64-bit little-endian value.</summary>
    public bool TryReadUInt64(out ulong value)
    {
        bool ok = TryReadBytes(sizeof(ulong), out ReadOnlySpan<byte> bytes);
        value = ok ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;
        return ok;
    }

    /// <summary>Reads a 32-bit big-endian value, as in keys that sort.</summary>
    public bool TryReadUInt32BigEndian(out uint value)
    {
        bool ok = TryReadBytes(sizeof(uint), out ReadOnlySpan<byte> bytes);
        value = ok ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;
        return ok;
    }

    /// <summary>Reads a varint.</summary>
    public bool TryReadVarint(out ulong value)
    {
        if (!Varint.TryRead(Remaining, out value, out int bytesRead)) return false;
        Position += bytesRead;
        return true;
    }

    /// <summary>Reads a varint that must fit a non-negative <see cref="int"/>.</summary>
    public bool TryReadVarintInt32(out int value)
    {
        int start = Position;
        if (TryReadVarint(out ulong wide) && wide <= int.MaxValue)
        {
            value = (int)wide;
            return true;
        }

        Position = start;
        value = 0;
        return false;
    }

    /// <summary>Takes the next <paramref name="count"/> bytes without copying.</summary>
    public bool TryReadBytes(int count, out ReadOnlySpan<byte> bytes)
    {
        if ((uint)count > (uint)(_source.Length - Position))
        {
            bytes = default;
            return false;
        }

        bytes = _source.Slice(Position, count);
        Position += count;
        return true;
    }

    /// <summary>Takes a varint length and that many bytes without copying.</summary>
    public bool TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)
    {
        int start = Position;
        if (TryReadVarintInt32(out int length) && TryReadBytes(length, out bytes)) return true;
        Position = start;
        bytes = default;
        return false;
    }
}
