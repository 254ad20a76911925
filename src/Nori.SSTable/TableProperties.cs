namespace Nori.SSTable;

/// <summary>What a table says about itself.</summary>
public sealed record TableProperties
{
    /// <summary>Point entries: puts and deletes, every version counted.</summary>
    public long Entries { get; init; }

    /// <summary>Point entries that are deletes.</summary>
    public long Deletes { get; init; }

    /// <summary>Point entries that expire.</summary>
    public long ExpiringEntries { get; init; }

    /// <summary>Range deletes.</summary>
    public long RangeDeletes { get; init; }

    /// <summary>Distinct user keys among the point entries.</summary>
    public long DistinctKeys { get; init; }

    /// <summary>Data blocks.</summary>
    public long DataBlocks { get; init; }

    /// <summary>Index blocks, without the top index.</summary>
    public long IndexBlocks { get; init; }

    /// <summary>User keys as they were added, in bytes.</summary>
    public long RawKeyBytes { get; init; }

    /// <summary>Values as they were added, in bytes.</summary>
    public long RawValueBytes { get; init; }

    /// <summary>Data blocks in the file, in bytes with their trailers.</summary>
    public long DataBytes { get; init; }

    /// <summary>Index blocks and top index in the file, in bytes with their trailers.</summary>
    public long IndexBytes { get; init; }

    /// <summary>The filter in the file, in bytes with its trailer; 0 without.</summary>
    public long FilterBytes { get; init; }

    /// <summary>The smallest sequence number of any entry or range delete; 0 in an empty table.</summary>
    public ulong SmallestSequence { get; init; }

    /// <summary>The largest sequence number of any entry or range delete; 0 in an empty table.</summary>
    public ulong LargestSequence { get; init; }

    /// <summary>
    /// The first user key of any entry, or the smallest start of a range delete; empty in an empty table.
    /// </summary>
    public ReadOnlyMemory<byte> SmallestKey { get; init; }

    /// <summary>
    /// The last user key of any entry, or the largest end of a range delete (no key of it is deleted by that
    /// range).
    /// </summary>
    public ReadOnlyMemory<byte> LargestKey { get; init; }

    /// <summary>The compression asked for; single blocks may be stored as they are.</summary>
    public Compression.CompressionType Compression { get; init; }

    /// <summary>The number mixed into the checksums.</summary>
    public ulong TableId { get; init; }

    /// <summary>The file's length in bytes.</summary>
    public long FileBytes { get; init; }

    /// <summary>What the writer added by <see cref="TableBuilder.SetUserProperty"/>.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>> UserProperties { get; init; } =
        new Dictionary<string, ReadOnlyMemory<byte>>();

    /// <summary>True when the table has neither entries nor range deletes.</summary>
    public bool IsEmpty => Entries == 0 && RangeDeletes == 0;
}
