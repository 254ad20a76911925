using Nori.RocksDb;

namespace Nori.Storage.Bench.Engines;

/// <summary>RocksDB through its C API, with the options that goals are stated in.</summary>
internal sealed class PeerEngine : StorageEngine
{
    private readonly RocksDbDatabase _database;

    public PeerEngine(EngineSettings settings)
        : base(settings) => _database = new RocksDbDatabase(new RocksDbOptions
        {
            Directory = settings.Directory,
            WriteBufferBytes = settings.WriteBufferBytes,
            BlockCacheBytes = settings.CacheBytes,
            SyncWrites = settings.Sync,
        });

    public override EngineSession NewSession() => new PeerSession(_database);

    public override void CompactAll()
    {
        Flush();
        _database.CompactAll();
    }

    public override void Flush() => _database.Flush();

    public override void WaitForCompactions()
    {
        for (int quiet = 0; quiet < 10;)
        {
            Thread.Sleep(50);
            ulong busy = Of("rocksdb.compaction-pending") + Of("rocksdb.num-running-compactions")
                + Of("rocksdb.mem-table-flush-pending") + Of("rocksdb.num-running-flushes");
            quiet = busy > 0 ? 0 : quiet + 1;
        }

        ulong Of(string property) => _database.Property(property) ?? 0;
    }

    /// <summary>Nanoseconds of a call, with the runtime's transition and without.</summary>
    public (double WithTransition, double Without) MeasureCall()
    {
        using RocksDbIterator iterator = _database.NewIterator();
        iterator.MeasureCall(200_000);
        Thread.Sleep(200); // the compiler's second tier
        iterator.MeasureCall(200_000);
        Thread.Sleep(200);
        return iterator.MeasureCall(5_000_000);
    }

    public override void Dispose() => _database.Dispose();
}
