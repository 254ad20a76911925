namespace Nori.RocksDb;

/// <summary>How a database is opened: what goals for it are stated in, everything else as RocksDB has it.</summary>
public sealed record RocksDbOptions
{
    /// <summary>The database's directory, created when missing; its parent must exist.</summary>
    public required string Directory { get; init; }

    /// <summary>Bytes of a memtable at which it is flushed. <value>64 MiB.</value></summary>
    public long WriteBufferBytes { get; init; } = 64L << 20;

    /// <summary>Bytes of cached blocks. <value>1 GiB.</value></summary>
    public long BlockCacheBytes { get; init; } = 1L << 30;

    /// <summary>Bits of bloom filter a key; 0 none. <value>10.</value></summary>
    public int BloomBitsPerKey { get; init; } = 10;

    /// <summary>LZ4 on every level, else none. <value>True.</value></summary>
    public bool Lz4 { get; init; } = true;

    /// <summary>Flushes and compactions at a time. <value>2.</value></summary>
    public int BackgroundJobsMax { get; init; } = 2;

    /// <summary>
    /// Log and memtable writes of successive groups overlap, as db_bench has it. <value>True.</value>
    /// </summary>
    public bool PipelinedWrite { get; init; } = true;

    /// <summary>False: no log; what was not flushed is gone when the process ends. <value>True.</value></summary>
    public bool WriteAheadLog { get; init; } = true;

    /// <summary>Further options in RocksDB's own text form, "name=value;…". <value>Empty.</value></summary>
    public string More { get; init; } = "";

    /// <summary>A write is answered after the log's fdatasync. <value>False: when the system has it.</value></summary>
    public bool SyncWrites { get; init; }
}
