namespace Nori.RocksDb;

/// <summary>The data as of one moment.</summary>
public sealed class RocksDbSnapshot : IDisposable
{
    private readonly nint _db;
    private nint _snapshot;

    internal RocksDbSnapshot(nint db)
    {
        _db = db;
        _snapshot = Native.rocksdb_create_snapshot(db);
        ReadOptions = Native.rocksdb_readoptions_create();
        Native.rocksdb_readoptions_set_snapshot(ReadOptions, _snapshot);
    }

    internal nint ReadOptions { get; }

    /// <summary>Lets it go; idempotent. Its iterators first.</summary>
    public void Dispose()
    {
        nint snapshot = Interlocked.Exchange(ref _snapshot, 0);
        if (snapshot == 0) return;
        Native.rocksdb_release_snapshot(_db, snapshot);
        Native.rocksdb_readoptions_destroy(ReadOptions);
    }
}
