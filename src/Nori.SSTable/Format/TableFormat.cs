namespace Nori.SSTable.Format;

// A table file, format 1 (bytewise: docs/formats/sstable.md). Integers are little-endian.
//
//   data block 0 … data block n-1 and index blocks: an index block follows the data blocks it lists
//   filter block            (absent with 0 bits per key)
//   range-delete block      (absent without range deletes)
//   top-index block
//   properties block        ends where the footer begins
//   footer                  72 bytes
//
// Every block:  payload | role u8 | compression u8 | uncompressed length u32 | CRC-32C u32
//   the checksum covers table id u64, block offset u64, payload, role, compression, uncompressed length
internal static class TableFormat
{
    public const int Version = 1;
    public const ulong Magic = 0x0A54535369726F4E; // "NoriSST\n"
    public const int FooterBytes = 72;
    public const int TrailerBytes = 10;

    /// <summary>The longest user key, in bytes.</summary>
    public const int KeyBytesMax = 0xFFFF;

    /// <summary>The longest value, in bytes: 16 MiB (and the eight bytes of an expiry).</summary>
    public const int ValueBytesMax = (16 << 20) + 8;

    /// <summary>
    /// The longest a compressed block may become, in bytes: bounds what a forged length makes a reader
    /// allocate.
    /// </summary>
    public const int UncompressedBytesMax = 32 << 20;

    /// <summary>The longest block of any kind, in bytes (the filter of a very large table).</summary>
    public const int BlockBytesMax = 1 << 30;

    /// <summary>Sequence numbers have 56 bits.</summary>
    public const ulong SequenceMax = (1UL << 56) - 1;
}
