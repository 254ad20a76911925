using Nori.Compression;
using Nori.SSTable.Format;

namespace Nori.SSTable;

/// <summary>How a table is written. A reader needs none of it: the file says what it is.</summary>
public sealed record TableOptions
{
    /// <summary>The size at which a data block is closed, in bytes before compression.</summary>
    /// <value>4,096; 1 to 4 MiB. A larger entry makes a larger block.</value>
    public int BlockBytes { get; init; } = 4096;

    /// <summary>The size at which an index block is closed, in bytes before compression.</summary>
    /// <value>4,096; 1 to 4 MiB.</value>
    public int IndexBlockBytes { get; init; } = 4096;

    /// <summary>Entries from one whole key (restart point) to the next in a data block.</summary>
    /// <value>16; 1 to 1,024.</value>
    public int RestartInterval { get; init; } = 16;

    /// <summary>Bits of bloom filter per distinct user key; 0 writes no filter.</summary>
    /// <value>10 (about 0.9 % false positives); 0 to 32.</value>
    public int BloomBitsPerKey { get; init; } = 10;

    /// <summary>
    /// How data and index blocks are compressed. A block that saves less than an eighth is stored as it is.
    /// </summary>
    /// <value>None.</value>
    public CompressionType Compression { get; init; } = CompressionType.None;

    /// <summary>The format version to write.</summary>
    /// <value>1, the only one.</value>
    public int FormatVersion { get; init; } = TableFormat.Version;

    /// <summary>Where <see cref="TableBuilder.IsFull"/> becomes true, in bytes of file.</summary>
    /// <value>64 MiB.</value>
    public long TargetFileBytes { get; init; } = 64L << 20;

    /// <summary>
    /// A number that tells this table from others, mixed into every checksum, so that a block of another
    /// table in this one's place is seen as damage. Use the file number or a random value.
    /// </summary>
    /// <value>0.</value>
    public ulong TableId { get; init; }

    /// <summary>Bytes gathered before a write call.</summary>
    /// <value>256 KiB; 4 KiB to 16 MiB.</value>
    public int WriteBufferBytes { get; init; } = 256 << 10;

    /// <summary>Every problem with these options; none when they are usable.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Check(BlockBytes is >= 1 and <= 4 << 20, $"BlockBytes is {BlockBytes}; it must be 1 to 4194304");
        Check(
            IndexBlockBytes is >= 1 and <= 4 << 20,
            $"IndexBlockBytes is {IndexBlockBytes}; it must be 1 to 4194304");
        Check(
            RestartInterval is >= 1 and <= 1024,
            $"RestartInterval is {RestartInterval}; it must be 1 to 1024");
        Check(BloomBitsPerKey is >= 0 and <= 32, $"BloomBitsPerKey is {BloomBitsPerKey}; it must be 0 to 32");
        Check(
            BlockCodecs.IsKnown(Compression),
            $"Compression is {Compression}; it must be None, Snappy, Lz4 or Zstd");
        Check(
            FormatVersion == TableFormat.Version,
            $"FormatVersion is {FormatVersion}; this build writes {TableFormat.Version}");
        Check(TargetFileBytes >= 1, $"TargetFileBytes is {TargetFileBytes}; it must be positive");
        Check(
            WriteBufferBytes is >= 4 << 10 and <= 16 << 20,
            $"WriteBufferBytes is {WriteBufferBytes}; it must be 4096 to 16777216");
        return problems;

        void Check(bool good, string problem)
        {
            if (!good) problems.Add(problem);
        }
    }
}
