using System.Buffers.Binary;
using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.SSTable.Format;

// Trailer, 10 bytes behind every payload:
//
//   0  role u8 | 1  compression u8 | 2  uncompressed length u32 | 6  CRC-32C u32
//
// The checksum covers table id u64, the block's offset u64, the payload and trailer bytes 0..5. Id and offset
// are not in the block: a block read from, or written to, a wrong place or of another table does not pass.
internal readonly record struct BlockTrailer(CompressionType Compression, int UncompressedLength)
{
    private const int ChecksumAt = 6;

    public static void Write(
        Span<byte> trailer, BlockRole role, CompressionType compression, int uncompressedLength,
        ulong tableId, long offset, ReadOnlySpan<byte> payload)
    {
        trailer[0] = (byte)role;
        trailer[1] = (byte)compression;
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[2..], (uint)uncompressedLength);
        uint checksum = Checksum(tableId, offset, payload, trailer[..ChecksumAt]);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[ChecksumAt..], checksum);
    }

    /// <summary>
    /// Checks payload and trailer as read from the file, checksum first; nothing else is believed before it.
    /// </summary>
    public static BlockTrailer Check(
        ReadOnlySpan<byte> stored, BlockRole role, ulong tableId, long offset, string path)
    {
        ReadOnlySpan<byte> payload = stored[..^TableFormat.TrailerBytes];
        ReadOnlySpan<byte> trailer = stored[^TableFormat.TrailerBytes..];
        uint expected = BinaryPrimitives.ReadUInt32LittleEndian(trailer[ChecksumAt..]);
        uint actual = Checksum(tableId, offset, payload, trailer[..ChecksumAt]);
        if (expected != actual)
            throw new CorruptionException(
                path, offset, $"{role} block checksum {expected:x8}", $"{actual:x8}");
        if (trailer[0] != (byte)role)
            throw new CorruptionException(path, offset, $"a {role} block", $"role {trailer[0]}");

        var compression = (CompressionType)trailer[1];
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(trailer[2..]);
        if (!BlockCodecs.IsKnown(compression))
            throw new CorruptionException(path, offset, "a known compression", $"type {trailer[1]}");
        bool isBounded = compression == CompressionType.None
            ? length == payload.Length
            : length <= TableFormat.UncompressedBytesMax;
        if (!isBounded)
            throw new CorruptionException(path, offset, "a bounded uncompressed length", $"{length}");
        return new BlockTrailer(compression, (int)length);
    }

    private static uint Checksum(
        ulong tableId, long offset, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> trailer)
    {
        Span<byte> place = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(place, tableId);
        BinaryPrimitives.WriteUInt64LittleEndian(place[8..], (ulong)offset);
        return Crc32C.Append(Crc32C.Append(Crc32C.Compute(place), payload), trailer);
    }
}
