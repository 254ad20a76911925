using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>Single operations that have goals of their own: memtable hits, a cached table's read, a walk at 1 KiB.</summary>
internal static class LatencyRows
{
    private const string Small = "memtable hit, 8 MiB";
    private const string Large = "memtable hit, 64 MiB";
    private const string Cached = "cached table read";
    private const string Walk = "scan, 1 KiB values";

    // Of an entry with a 16-byte key and a 100-byte value in a memtable, about.
    private const int EntryBytes = 160;

    public static void Run(Bench bench)
    {
        Memtable(bench, Small, 8, 1.0);
        Memtable(bench, Large, 64, 2.5);
        TableRead(bench);
        WalkLarge(bench);
    }

    private static void Memtable(Bench bench, string workload, int megabytes, double goalMicros)
    {
        if (!bench.Wants(workload)) return;
        int keys = (megabytes << 20) / EntryBytes;
        // A buffer that nothing flushes: twice what is written.
        With(bench, kind => bench.Fresh(kind) with { WriteBufferBytes = (megabytes + 64L) << 21 }, Fill.Shuffled(keys, 100), false,
            engines => Micros(bench, engines, workload, goalMicros, keys));
    }

    private static void TableRead(Bench bench)
    {
        if (!bench.Wants(Cached)) return;
        int keys = bench.Options.Keys / 4;
        With(bench, bench.Fresh, Fill.Shuffled(keys, 100), true, engines => Micros(bench, engines, Cached, 2.5, keys));
    }

    private static void WalkLarge(Bench bench)
    {
        if (!bench.Wants(Walk)) return;
        int keys = bench.Options.LargeKeys;
        With(bench, bench.Fresh, Fill.Shuffled(keys, 1024), true, engines =>
        {
            Dictionary<EngineKind, List<double>> runs = Measure(bench, engines, Reads.InOrder(), entries => entries * (1024 + Keys.Length));
            Add(bench, Walk, "B/s", Goal.OursAtLeast(400e6), runs);
        });
    }

    private static void Micros(Bench bench, Dictionary<EngineKind, StorageEngine> engines, string workload, double goal, int keys) =>
        Add(bench, workload, "µs", Goal.OursAtMost(goal), Measure(bench, engines, Reads.AtRandom(keys, 81), rate => 1e6 / rate));

    private static void With(
        Bench bench, Func<EngineKind, EngineSettings> settings, Timed.Worker fill, bool compact,
        Action<Dictionary<EngineKind, StorageEngine>> run)
    {
        var engines = new Dictionary<EngineKind, StorageEngine>();
        try
        {
            foreach (EngineKind kind in Enum.GetValues<EngineKind>())
            {
                engines[kind] = StorageEngine.Open(kind, settings(kind));
                Timed.Run(engines[kind], 1, fill);
                if (compact) engines[kind].CompactAll();
            }

            run(engines);
        }
        finally
        {
            foreach (StorageEngine engine in engines.Values) Bench.Remove(engine);
        }
    }

    private static Dictionary<EngineKind, List<double>> Measure(
        Bench bench, Dictionary<EngineKind, StorageEngine> engines, Timed.Worker worker, Func<double, double> figure)
    {
        var runs = new Dictionary<EngineKind, List<double>> { [EngineKind.Ours] = [], [EngineKind.Peer] = [] };
        for (int i = 0; i < bench.Options.Repetitions; i++)
        {
            foreach (EngineKind kind in Enum.GetValues<EngineKind>())
            {
                Timed.Run(engines[kind], 1, bench.Options.WarmTime, worker);
                runs[kind].Add(figure(Timed.Run(engines[kind], 1, bench.Options.ReadTime / 2, worker).Rate));
            }
        }

        return runs;
    }

    private static void Add(Bench bench, string workload, string unit, Goal goal, Dictionary<EngineKind, List<double>> runs) =>
        bench.Report.Add(new Row
        {
            Workload = workload,
            Unit = unit,
            OursRuns = runs[EngineKind.Ours],
            PeerRuns = runs[EngineKind.Peer],
            Goal = goal,
        });
}
