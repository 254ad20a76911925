using Nori.Core;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>Rows over the data that fillrandom leaves, and the space it takes.</summary>
internal static class ReadRows
{
    public const string AsFilled = "readrandom, as filled";
    public const string One = "readrandom, cached, 1 thread";
    public const string Two = "readrandom, cached, 2 threads";
    public const string Sequential = "readseq";
    public const string Seek = "seekrandom + 10 nexts";
    public const string Scan = "scan of 100";
    public const string WhileWriting = "readwhilewriting";
    public const string Mixed = "mixed 50 read, 50 write, 2 threads";
    public const string Space = "space after compaction (tables)";
    public const string Directory = "space after compaction (directory)";

    private static readonly string[] All = [AsFilled, One, Two, Sequential, Seek, Scan, WhileWriting, Mixed, Space, Directory];

    public static void Run(Bench bench)
    {
        BenchOptions options = bench.Options;
        if (!All.Any(bench.Wants)) return;
        var engines = new Dictionary<EngineKind, StorageEngine>();
        try
        {
            foreach (EngineKind kind in Enum.GetValues<EngineKind>())
            {
                engines[kind] = bench.Open(kind);
                Timed.Run(engines[kind], 1, Fill.AtRandom(options.Keys, 100, options.Keys, 1));
                engines[kind].Flush();
                engines[kind].WaitForCompactions();
            }

            Compare(AsFilled, null, Reads.AtRandom(options.Keys, 5), Calls.Get);
            foreach (StorageEngine engine in engines.Values) engine.CompactAll();
            Agreement.Check(engines[EngineKind.Ours], engines[EngineKind.Peer], options.Keys);
            Compare(One, Goal.AtLeast(1.5), Reads.AtRandom(options.Keys, 5), Calls.Get);
            Compare(Two, Goal.AtLeast(1.5), Reads.AtRandom(options.Keys, 6), Calls.Get, 2);
            Compare(Sequential, Goal.AtLeast(1.0), Reads.InOrder(), Calls.Next);
            Compare(Seek, Goal.AtLeast(1.2), Reads.Seeks(options.Keys, 10, 8), Calls.Scan(10));
            Compare(Scan, null, Reads.Seeks(options.Keys, 100, 9), Calls.Scan(100));
            MeasureSpace(bench, engines);
            ReadWhileWriting(bench, engines);
            Compare(Mixed, null, Reads.Mixed(options.Keys, 100, 12), default, 2);
        }
        finally
        {
            foreach (StorageEngine engine in engines.Values) Bench.Remove(engine);
        }

        void Compare(string workload, Goal? goal, Timed.Worker worker, Calls calls, int threads = 1) => bench.Compare(
            workload, goal, kind =>
            {
                Timed.Run(engines[kind], threads, options.WarmTime, worker);
                return Timed.Run(engines[kind], threads, options.ReadTime, worker);
            }, calls);
    }

    private static void MeasureSpace(Bench bench, Dictionary<EngineKind, StorageEngine> engines)
    {
        StorageEngine ours = engines[EngineKind.Ours], peer = engines[EngineKind.Peer];
        Add(Space, Goal.AtMost(1.0), engine => engine.TableBytes, null);
        Add(Directory, null, engine => engine.DirectoryBytes, "logs included: ours keeps zero-filled segments for reuse");

        void Add(string workload, Goal? goal, Func<StorageEngine, long> bytes, string? note)
        {
            if (!bench.Wants(workload)) return;
            bench.Report.Add(new Row
            {
                Workload = workload,
                Unit = "B",
                OursRuns = [bytes(ours)],
                PeerRuns = [bytes(peer)],
                Goal = goal,
                Note = note,
            });
        }
    }

    /// <summary>One reader, counted, beside one writer that does as much as it can.</summary>
    private static void ReadWhileWriting(Bench bench, Dictionary<EngineKind, StorageEngine> engines)
    {
        int keys = bench.Options.Keys;
        var written = new Dictionary<EngineKind, double>();
        Timed.Worker read = Reads.AtRandom(keys, 11);
        bench.Compare(WhileWriting, Goal.AtLeast(1.2), kind =>
        {
            long writes = 0, reads = 0;
            Measured both = Timed.Run(engines[kind], 2, bench.Options.ReadTime, (session, thread, clock) =>
                thread == 0 ? reads = read(session, thread, clock) : writes = WriteUntil(session, keys, clock));
            written[kind] = both.Rate * writes / (reads + writes);
            engines[kind].Flush();
            engines[kind].WaitForCompactions();
            return both with { Rate = both.Rate * reads / (reads + writes) };
        }, note: () => "one reader is counted; the writer beside it: ours "
            + Table.Figure(written[EngineKind.Ours], "ops/s") + ", RocksDB "
            + Table.Figure(written[EngineKind.Peer], "ops/s") + "; processor time is of reads and writes together");
    }

    private static long WriteUntil(EngineSession session, int keys, Clock clock)
    {
        var random = new Prng(21);
        Span<byte> key = stackalloc byte[Keys.Length];
        Span<byte> value = stackalloc byte[100];
        long written = 0;
        while (!clock.IsOver)
            for (int i = 0; i < 16; i++, written++) Fill.Put(session, key, value, random.NextInt(keys), written);
        return written;
    }
}
