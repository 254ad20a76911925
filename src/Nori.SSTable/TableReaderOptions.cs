namespace Nori.SSTable;

/// <summary>How a table is opened.</summary>
public sealed record TableReaderOptions
{
    /// <summary>Where data and index blocks are kept; shared by the readers of a store.</summary>
    /// <value>null: a cache of <see cref="PrivateCacheBytes"/> for this reader alone.</value>
    public BlockCache? Cache { get; init; }

    /// <summary>The size of the reader's own cache when none is shared, in bytes.</summary>
    /// <value>8 MiB; 0 caches nothing.</value>
    public long PrivateCacheBytes { get; init; } = 8L << 20;

    /// <summary>
    /// Names this table in the cache, so that a table that is closed and opened again finds its blocks. Take
    /// it from
    /// <see cref="BlockCache.NextOwner"/> once per file.
    /// </summary>
    /// <value>0: a fresh one.</value>
    public ulong CacheOwner { get; init; }

    /// <summary>Reads and checks every block while opening.</summary>
    /// <value>false: only footer, properties, filter, range deletes and top index.</value>
    public bool VerifyOnOpen { get; init; }
}
