using Nori.Lsm;

namespace Nori.Storage.Bench.Engines;

/// <summary>Nori.Lsm.</summary>
internal sealed class NoriEngine : StorageEngine
{
    private readonly LsmEngine _engine;

    public NoriEngine(EngineSettings settings)
        : base(settings) => _engine = LsmEngine.Open(new LsmOptions
        {
            Directory = settings.Directory,
            WriteAheadLog = settings.Sync ? LsmWalMode.Batch : LsmWalMode.Os,
            MemtableBytes = settings.WriteBufferBytes,
            BlockCacheBytes = settings.CacheBytes,
            // Two background jobs in all, as the peer: a flush and a compaction.
            CompactionsMax = 1,
        });

    public override EngineSession NewSession() => new NoriSession(_engine);

    public override void CompactAll()
    {
        Flush();
        _engine.CompactRangeAsync().GetAwaiter().GetResult();
    }

    public override void Flush() => _engine.FlushAsync().GetAwaiter().GetResult();

    public override void WaitForCompactions()
    {
        // Seen quiet for a while: the engine reports debt, not work under way.
        LsmStats before = _engine.Stats;
        for (int quiet = 0; quiet < 10;)
        {
            Thread.Sleep(50);
            LsmStats now = _engine.Stats;
            bool moved = now.CompactionWrittenBytes != before.CompactionWrittenBytes
                || now.FlushedBytes != before.FlushedBytes;
            quiet = moved || now.CompactionDebtBytes > 0 || now.ImmutableMemtables > 0 ? 0 : quiet + 1;
            before = now;
        }
    }

    public override void Dispose() => _engine.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
