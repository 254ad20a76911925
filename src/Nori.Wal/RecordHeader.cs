using System.Buffers.Binary;
using Nori.Compression;
using Nori.Core;

namespace Nori.Wal;

/// <summary>The header of one record; the payload follows it.</summary>
internal readonly record struct RecordHeader(uint Crc, int StoredLength, byte Type, CompressionType Codec, int Length)
{
    public int TotalBytes => WalFormat.RecordBytes(StoredLength);

    /// <summary>Writes all but the checksum, which needs the epoch and is set by <see cref="Seal"/>.</summary>
    public static void Encode(Span<byte> target, byte type, int storedLength, CompressionType codec, int length)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, 0);
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], storedLength);
        target[8] = type;
        target[9] = (byte)codec;
        target[10] = 0;
        target[11] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(target[12..], length);
    }

    /// <summary>Sets the checksum of the record that begins here; returns its bytes with padding.</summary>
    public static int Seal(Span<byte> record, uint epochCrc)
    {
        int storedLength = BinaryPrimitives.ReadInt32LittleEndian(record[4..]);
        uint crc = Crc32C.Append(epochCrc, record.Slice(4, WalFormat.RecordHeaderBytes - 4 + storedLength));
        BinaryPrimitives.WriteUInt32LittleEndian(record, crc);
        return WalFormat.RecordBytes(storedLength);
    }

    /// <summary>The checksum of the epoch alone, from which each record's goes on.</summary>
    public static uint EpochCrc(ulong epoch)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, epoch);
        return Crc32C.Compute(bytes);
    }

    /// <summary>Reads the header's fields; false when they cannot be those of a record.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, out RecordHeader header)
    {
        header = default;
        if (source.Length < WalFormat.RecordHeaderBytes) return false;
        int stored = BinaryPrimitives.ReadInt32LittleEndian(source[4..]);
        int length = BinaryPrimitives.ReadInt32LittleEndian(source[12..]);
        if (stored is < 0 or > WalFormat.StoredBytesMax) return false;
        if (length is < 0 or > WalFormat.StoredBytesMax) return false;
        var codec = (CompressionType)source[9];
        if (codec == CompressionType.None && length != stored) return false;
        header = new RecordHeader(BinaryPrimitives.ReadUInt32LittleEndian(source), stored, source[8], codec, length);
        return true;
    }

    /// <summary>True when the source begins with a whole record whose checksum holds.</summary>
    public static bool TryVerify(ReadOnlySpan<byte> source, uint epochCrc, out RecordHeader header)
    {
        if (!TryDecode(source, out header)) return false;
        if (header.TotalBytes > source.Length) return false;
        return header.Crc == Crc32C.Append(
            epochCrc, source.Slice(4, WalFormat.RecordHeaderBytes - 4 + header.StoredLength));
    }
}
