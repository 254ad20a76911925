using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>Rows that fill an empty engine.</summary>
internal static class FillRows
{
    public const string Sequential = "fillseq";
    public const string Random = "fillrandom";
    public const string Large = "fillrandom, 1,024-byte values";
    public const string SyncOne = "fillsync, 1 thread";
    public const string SyncMany = "fillsync, 16 threads";

    public static void Run(Bench bench)
    {
        BenchOptions options = bench.Options;
        WarmUp(bench);
        bench.Compare(
            Sequential, Goal.AtLeast(1.5), kind => Fresh(bench, kind, Fill.InOrder(options.Keys, 100)), Calls.Put);
        bench.Compare(
            Random, Goal.AtLeast(1.5),
            kind => Fresh(bench, kind, Fill.AtRandom(options.Keys, 100, options.Keys, 1)), Calls.Put);
        bench.Compare(
            Large, Goal.AtLeast(1.2),
            kind => Fresh(bench, kind, Fill.AtRandom(options.LargeKeys, 1024, options.LargeKeys, 1)), Calls.Put);
        bench.Compare(SyncOne, Goal.AtLeast(1.0), kind => Synced(bench, kind, 1), Calls.Put);
        bench.Compare(SyncMany, Goal.AtLeast(2.0), kind => Synced(bench, kind, 16));
    }

    /// <summary>The compiler's second tier is for our side what the peer's build machine did for it.</summary>
    private static void WarmUp(Bench bench)
    {
        foreach (EngineKind kind in Enum.GetValues<EngineKind>())
            for (int i = 0; i < 2; i++) Fresh(bench, kind, Fill.AtRandom(100_000, 100, 100_000, 7));
    }

    private static Measured Fresh(Bench bench, EngineKind kind, Timed.Worker worker, int threads = 1)
    {
        StorageEngine engine = bench.Open(kind);
        try
        {
            return Timed.Run(engine, threads, worker);
        }
        finally
        {
            Bench.Remove(engine);
        }
    }

    private static Measured Synced(Bench bench, EngineKind kind, int threads)
    {
        StorageEngine engine = StorageEngine.Open(kind, bench.Fresh(kind) with { Sync = true });
        try
        {
            int writes = bench.Options.SyncWrites;
            return Timed.Run(engine, threads, Fill.AtRandom(bench.Options.Keys, 100, writes, 3));
        }
        finally
        {
            Bench.Remove(engine);
        }
    }
}
