using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Nori.Core;

namespace Nori.Wal;

// What follows the records of a batch whose flags say so (4); all of it is written with the batch, by one write.
//
//   0   guard: u32 zeros, u32 tag "NWG\xB1"
//   8   parity, 512 bytes: over guard, header, records and parity the exclusive or of all bytes whose offsets in the file
//       are equal modulo 512 is 0. So whatever is in one aligned sector of 512 bytes follows from all others.
//   520 trailer, 64 bytes: lies more than a sector behind every byte that it describes
//         0  crc32c of 4..64     4  tag "NWT\xB1"      8..48 as in the batch header
//         48 xxHash64 of header and records            56 crc32c of the parity   60 zeros
//
// Together: a batch in which anything happened to one sector can be put together again, and what was put together is known
// to be right by a hash that is not the checksum by which it was found. Bytewise: docs/formats/wal.md.
internal static class RepairBlock
{
    // Part of the format.
    public const uint GuardTag = 0xB147_574E;
    public const uint TrailerTag = 0xB154_574E;
    public const int GuardBytes = 8;
    public const int SectorBytes = 512;
    public const int TrailerBytes = 64;
    public const int Bytes = GuardBytes + SectorBytes + TrailerBytes;

    // Looking for the damaged sector of a record takes as many checksums of the record as it has sectors.
    private const int SearchBytesMax = 4 << 20;

    /// <summary>Fills the block behind a sealed header and its records; the span ends with the block.</summary>
    public static void Write(Span<byte> batch, in BatchHeader header)
    {
        int data = batch.Length - Bytes;
        Span<byte> guard = batch.Slice(data, GuardBytes);
        guard.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(guard[4..], GuardTag);
        int parityAt = data + GuardBytes;
        Span<byte> columns = stackalloc byte[SectorBytes];
        columns.Clear();
        Fold(batch[..parityAt], columns);
        Span<byte> parity = batch.Slice(parityAt, SectorBytes);
        for (int i = 0; i < SectorBytes; i++) parity[i] = columns[(parityAt + i) % SectorBytes];

        Span<byte> trailer = batch[(parityAt + SectorBytes)..];
        header.Encode(trailer);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], TrailerTag);
        BinaryPrimitives.WriteUInt64LittleEndian(trailer[48..], XxHash64.Hash(batch[..data]));
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[56..], Crc32C.Compute(parity));
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[60..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, Crc32C.Compute(trailer[4..]));
    }

    /// <summary>True when the bytes are a trailer of this epoch; its header names where its batch begins.</summary>
    public static bool TryDecodeTrailer(ReadOnlySpan<byte> source, ulong epoch, out BatchHeader header)
    {
        header = default;
        if (source.Length < TrailerBytes) return false;
        source = source[..TrailerBytes];
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != TrailerTag) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source) != Crc32C.Compute(source[4..])) return false;
        // As a header it has that one's tag and checksum.
        Span<byte> copy = stackalloc byte[WalFormat.BatchHeaderBytes];
        source[..WalFormat.BatchHeaderBytes].CopyTo(copy);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[4..], WalFormat.BatchTag);
        BinaryPrimitives.WriteUInt32LittleEndian(copy, Crc32C.Compute(copy[4..]));
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(copy[16..]);
        return BatchHeader.TryDecode(copy, epoch, offset, out header) && header.HasRepairBlock;
    }

    /// <summary>True when the block fits the batch, whose header and records are whole.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> batch, in BatchHeader header)
    {
        ReadOnlySpan<byte> trailer = batch[^TrailerBytes..];
        if (!TryDecodeTrailer(trailer, header.Epoch, out BatchHeader told) || told != header) return false;
        ReadOnlySpan<byte> parity = batch.Slice(batch.Length - TrailerBytes - SectorBytes, SectorBytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(trailer[56..]) != Crc32C.Compute(parity)) return false;
        Span<byte> columns = stackalloc byte[SectorBytes];
        columns.Clear();
        Fold(batch[..^TrailerBytes], columns);
        return columns.IndexOfAnyExcept((byte)0) < 0;
    }

    /// <summary>
    /// Puts a batch together again of which one sector is not what was written; its trailer is. False, and the batch as it
    /// was, when more than that is wrong.
    /// </summary>
    /// <param name="batch">The whole batch, block included.</param>
    /// <param name="told">The header, as the trailer tells it.</param>
    /// <param name="mended">The bytes that were put right, in the batch.</param>
    public static bool TryMend(Span<byte> batch, in BatchHeader told, out Range mended)
    {
        mended = default;
        Invariant.Assert(batch.Length == told.TotalBytes);
        Span<byte> columns = stackalloc byte[SectorBytes];
        columns.Clear();
        Fold(batch[..^TrailerBytes], columns);
        // Nothing is missing that the parity knows of.
        if (columns.IndexOfAnyExcept((byte)0) < 0) return false;
        uint epochCrc = RecordHeader.EpochCrc(told.Epoch);
        (int from, int to) = FindDamage(batch, told, epochCrc);
        int shift = (int)(told.Offset % SectorBytes);
        for (int sector = (from + shift) / SectorBytes; (sector * SectorBytes) - shift < to; sector++)
        {
            int start = Math.Max(0, (sector * SectorBytes) - shift);
            int end = Math.Min(batch.Length - TrailerBytes, ((sector + 1) * SectorBytes) - shift);
            if (!Covers(start, end, columns)) continue;
            Toggle(batch[start..end], start, columns);
            if (IsRight(batch, told, from, epochCrc))
            {
                mended = start..end;
                return true;
            }

            Toggle(batch[start..end], start, columns);
        }

        return false;
    }

    /// <summary>The header, or the first record that is not whole: the damaged sector touches it.</summary>
    private static (int From, int To) FindDamage(ReadOnlySpan<byte> batch, in BatchHeader told, uint epochCrc)
    {
        if (!BatchHeader.TryDecode(batch, told.Epoch, told.Offset, out BatchHeader header) || header != told)
        {
            return (0, WalFormat.BatchHeaderBytes);
        }

        int end = WalFormat.BatchHeaderBytes + told.BodyBytes;
        int at = WalFormat.BatchHeaderBytes;
        for (int i = 0; i < told.Records && at < end; i++)
        {
            ReadOnlySpan<byte> rest = batch[at..end];
            if (RecordHeader.TryVerify(rest, epochCrc, out RecordHeader record))
            {
                at += record.TotalBytes;
                continue;
            }

            // A length that cannot be is what is damaged.
            bool hasLength = RecordHeader.TryDecode(rest, out record) && record.TotalBytes <= rest.Length;
            int bytes = hasLength ? Math.Min(record.TotalBytes, SearchBytesMax) : WalFormat.RecordHeaderBytes;
            return (at, Math.Min(end, at + bytes));
        }

        return (0, 0);
    }

    private static bool IsRight(ReadOnlySpan<byte> batch, in BatchHeader told, int from, uint epochCrc)
    {
        // The record that was found damaged first: it tells most wrong tries from the right one.
        int end = WalFormat.BatchHeaderBytes + told.BodyBytes;
        if (from > 0 && !RecordHeader.TryVerify(batch[from..end], epochCrc, out _)) return false;
        if (!BatchHeader.TryDecode(batch, told.Epoch, told.Offset, out BatchHeader header) || header != told) return false;
        ulong hash = BinaryPrimitives.ReadUInt64LittleEndian(batch[^TrailerBytes..][48..]);
        return XxHash64.Hash(batch[..end]) == hash;
    }

    /// <summary>All that the parity misses lies in columns of these bytes.</summary>
    private static bool Covers(int start, int end, ReadOnlySpan<byte> columns)
    {
        if (end - start >= SectorBytes) return true;
        for (int column = 0; column < SectorBytes; column++)
        {
            if (columns[column] == 0) continue;
            int at = start - (start % SectorBytes) + column;
            if (at < start) at += SectorBytes;
            if (at >= end) return false;
        }

        return true;
    }

    private static void Toggle(Span<byte> bytes, int at, ReadOnlySpan<byte> columns)
    {
        for (int i = 0; i < bytes.Length; i++) bytes[i] ^= columns[(at + i) % SectorBytes];
    }

    // Hot path: one exclusive or of a vector for each that is read.
    private static void Fold(ReadOnlySpan<byte> bytes, Span<byte> columns)
    {
        Span<Vector<byte>> sums = MemoryMarshal.Cast<byte, Vector<byte>>(columns);
        while (bytes.Length >= SectorBytes)
        {
            ReadOnlySpan<Vector<byte>> sector = MemoryMarshal.Cast<byte, Vector<byte>>(bytes[..SectorBytes]);
            for (int i = 0; i < sums.Length; i++) sums[i] ^= sector[i];
            bytes = bytes[SectorBytes..];
        }

        for (int i = 0; i < bytes.Length; i++) columns[i] ^= bytes[i];
    }
}
