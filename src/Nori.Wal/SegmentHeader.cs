using System.Buffers.Binary;
using Nori.Core;
using Nori.IO;

namespace Nori.Wal;

/// <summary>The header of a segment, written twice before the file gets its name and never again.</summary>
internal readonly record struct SegmentHeader(
    ulong Number, ulong Epoch, WalPosition Durable, uint PreviousEnd, ulong PreviousEpoch,
    uint Version = WalFormat.Version)
{
    public void WriteBoth(Span<byte> region)
    {
        Invariant.Assert(region.Length == WalFormat.FirstBatchOffset);
        region.Clear();
        Encode(region[..WalFormat.SegmentHeaderBytes]);
        Encode(region.Slice(WalFormat.HeaderCopyOffset, WalFormat.SegmentHeaderBytes));
    }

    private void Encode(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, WalFormat.SegmentMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Number);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], Durable.Segment);
        BinaryPrimitives.WriteUInt32LittleEndian(target[40..], Durable.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(target[44..], PreviousEnd);
        BinaryPrimitives.WriteUInt64LittleEndian(target[48..], PreviousEpoch);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], Crc32C.Compute(target[12..]));
    }

    /// <summary>Reads the header from whichever copy is whole. False with what was found when neither is.</summary>
    public static bool TryRead(IFile file, out SegmentHeader header, out string found)
    {
        Span<byte> copy = stackalloc byte[WalFormat.SegmentHeaderBytes];
        if (TryReadCopy(file, 0, copy, out header, out found)) return true;
        return TryReadCopy(file, WalFormat.HeaderCopyOffset, copy, out header, out string foundInCopy)
            || SecondBest(foundInCopy, ref found);
    }

    private static bool SecondBest(string foundInCopy, ref string found)
    {
        found = $"{found}; in the copy {foundInCopy}";
        return false;
    }

    public static bool TryReadCopy(IFile file, long offset, Span<byte> copy, out SegmentHeader header, out string found)
    {
        header = default;
        int read = file.Read(offset, copy);
        if (read < copy.Length)
        {
            found = $"a file of {file.Length} bytes";
            return false;
        }

        if (BinaryPrimitives.ReadUInt64LittleEndian(copy) != WalFormat.SegmentMagic)
        {
            found = "no magic";
            return false;
        }

        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(copy[8..]);
        uint computed = Crc32C.Compute(copy[12..]);
        if (stored != computed)
        {
            found = $"checksum {stored:x8} over bytes of checksum {computed:x8}";
            return false;
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(copy[12..]);
        if (version is < WalFormat.FirstVersion or > WalFormat.Version)
        {
            found = $"format version {version}";
            return false;
        }

        header = new SegmentHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(copy[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(copy[24..]),
            new WalPosition(
                BinaryPrimitives.ReadUInt64LittleEndian(copy[32..]),
                BinaryPrimitives.ReadUInt32LittleEndian(copy[40..])),
            BinaryPrimitives.ReadUInt32LittleEndian(copy[44..]),
            BinaryPrimitives.ReadUInt64LittleEndian(copy[48..]),
            version);
        found = "a header";
        return true;
    }
}
