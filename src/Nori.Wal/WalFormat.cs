namespace Nori.Wal;

// A segment's file. All integers little-endian; everything begins at a multiple of 8. Bytewise: docs/formats/wal.md.
//
//   0        segment header, copy A (64 bytes), zeros
//   4096     segment header, copy B (64 bytes), zeros
//   8192     batch | batch | … | zeros, or what the file held before it was recycled (other epochs)
//
// segment header (64)
//   0  magic "NORIWAL\0"     8  crc32c of 12..64    12 format version = 2
//   16 segment number       24  epoch               32 durable segment
//   40 durable offset       44  previous end        48 previous epoch      56 zeros
//
// batch header (48), then `body bytes` of records
//   0  crc32c of 4..48       4  tag "NWB\xB1"        8 epoch
//   16 its own offset       20  body bytes          24 records     28 flags (1 mark, 2 closed, 4 repair)
//   32 durable segment      40  durable offset      44 zeros
//   with flag 4 a repair block follows the records (RepairBlock.cs)
//
// record (16 + stored length, padded with zeros to 8)
//   0  crc32c of epoch, 4..16, payload               4 stored length (< 2^30, so never a batch tag)
//   8  type    9 codec (0 none)   10 zeros          12 length before compression
//   16 payload
internal static class WalFormat
{
    // Part of the format.
    public const uint Version = 2;

    // Segments of version 1 have no repair blocks; they are read, and not written to.
    public const uint FirstVersion = 1;
    public const ulong SegmentMagic = 0x004C_4157_4952_4F4E;
    public const uint BatchTag = 0xB142_574E;
    public const int SegmentHeaderBytes = 64;
    public const int HeaderCopyOffset = 4096;
    public const int FirstBatchOffset = 8192;
    public const int BatchHeaderBytes = 48;
    public const int RecordHeaderBytes = 16;
    public const int Alignment = 8;
    public const int StoredBytesMax = (1 << 30) - 1;
    public const int BatchBytesMax = 1 << 30;

    public const int BatchOverheadBytes = BatchHeaderBytes + RecordHeaderBytes + Alignment;

    public static int Align(int bytes) => (bytes + (Alignment - 1)) & ~(Alignment - 1);

    public static long Align(long bytes) => (bytes + (Alignment - 1)) & ~(long)(Alignment - 1);

    public static int RecordBytes(int storedLength) => RecordHeaderBytes + Align(storedLength);

    public static string SegmentName(ulong number) => $"{number:D20}.wal";

    public static string FreeName(ulong number) => $"{number:D20}.free";

    public static bool TryParseName(string name, string extension, out ulong number)
    {
        number = 0;
        return name.Length == 20 + extension.Length
            && name.EndsWith(extension, StringComparison.Ordinal)
            && name.AsSpan(0, 20).IndexOfAnyExceptInRange('0', '9') < 0
            && ulong.TryParse(name.AsSpan(0, 20), out number)
            && number > 0;
    }
}
