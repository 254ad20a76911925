namespace Nori.SSTable;

/// <summary>How an iterator reads.</summary>
public sealed record TableReadOptions
{
    /// <summary>Bytes read at once when moving forward over blocks that are not cached.</summary>
    /// <value>0: one block at a time. At most 16 MiB.</value>
    public int ReadaheadBytes { get; init; }

    /// <summary>
    /// Keeps blocks that were read in the cache. False for compactions and large scans, which would push out
    /// what others use; blocks then live in buffers of the iterator, which allocates nothing per block.
    /// </summary>
    /// <value>true.</value>
    public bool FillCache { get; init; } = true;

    /// <summary>The defaults for a compaction: readahead of 256 KiB, nothing cached.</summary>
    public static TableReadOptions Compaction { get; } =
        new() { ReadaheadBytes = 256 << 10, FillCache = false };
}
