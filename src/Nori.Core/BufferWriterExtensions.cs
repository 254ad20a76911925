using System.Buffers;
using System.Buffers.Binary;

namespace Nori.Core;

/// <summary>The fields that <see cref="SpanReader"/> reads, written to a buffer writer.</summary>
public static class BufferWriterExtensions
{
    /// <summary>Writes one byte.</summary>
    public static void WriteByte(this IBufferWriter<byte> writer, byte value)
    {
        writer.GetSpan(1)[0] = value;
        writer.Advance(1);
    }

    /// <summary>Writes a 16-bit little-endian value.</summary>
    public static void WriteUInt16(this IBufferWriter<byte> writer, ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(writer.GetSpan(sizeof(ushort)), value);
        writer.Advance(sizeof(ushort));
    }

    /// <summary>Writes a 32-bit little-endian value.</summary>
    public static void WriteUInt32(this IBufferWriter<byte> writer, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(writer.GetSpan(sizeof(uint)), value);
        writer.Advance(sizeof(uint));
    }

    /// <summary>Writes a 64-bit little-endian value.</summary>
    public static void WriteUInt64(this IBufferWriter<byte> writer, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(writer.GetSpan(sizeof(ulong)), value);
        writer.Advance(sizeof(ulong));
    }

    /// <summary>Writes a 32-bit big-endian value, as in keys that sort.</summary>
    public static void WriteUInt32BigEndian(this IBufferWriter<byte> writer, uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(writer.GetSpan(sizeof(uint)), value);
        writer.Advance(sizeof(uint));
    }

    /// <summary>Writes a varint.</summary>
    public static void WriteVarint(this IBufferWriter<byte> writer, ulong value) =>
        writer.Advance(Varint.Write(writer.GetSpan(Varint.BytesMax), value));

    /// <summary>Writes a varint length and the bytes.</summary>
    public static void WriteLengthPrefixed(this IBufferWriter<byte> writer, ReadOnlySpan<byte> bytes)
    {
        writer.WriteVarint((ulong)bytes.Length);
        writer.Write(bytes);
    }
}
