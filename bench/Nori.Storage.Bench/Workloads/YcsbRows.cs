using Nori.Core;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>
/// YCSB A, B, C, E and F: 1,024-byte values, zipfian keys, two threads; and reads of data ten times the cache.
/// </summary>
internal static class YcsbRows
{
    private const int ValueBytes = 1024;
    private const int Threads = 2;

    private static readonly Mix[] Mixes =
    [
        new("YCSB A (50 read, 50 update)", Update: 50),
        new("YCSB B (95 read, 5 update)", Update: 5),
        new("YCSB C (read)"),
        new("YCSB E (95 scan, 5 insert)", Scan: 95, Insert: 5),
        new("YCSB F (50 read, 50 read-modify-write)", Modify: 50),
    ];

    private sealed record Mix(string Name, int Update = 0, int Scan = 0, int Insert = 0, int Modify = 0);

    public static void Run(Bench bench)
    {
        BenchOptions options = bench.Options;
        var zipf = new Zipf(options.LargeKeys, 31);
        if (Mixes.Any(mix => bench.Wants(mix.Name)))
        {
            With(bench, 1L << 30, engines =>
            {
                foreach (Mix mix in Mixes) Compare(mix.Name, engines, Worker(mix, zipf, options.LargeKeys));
            });
        }

        const string Uniform = "readrandom, data 10 × cache", Zipfian = "readrandom zipfian, data 10 × cache";
        if (!bench.Wants(Uniform) && !bench.Wants(Zipfian)) return;
        With(bench, (long)options.LargeKeys * ValueBytes / 10, engines =>
        {
            Compare(Uniform, engines, Reads.AtRandom(options.LargeKeys, 41));
            Compare(Zipfian, engines, Reads.Zipfian(zipf));
        });

        void Compare(string name, Dictionary<EngineKind, StorageEngine> engines, Timed.Worker worker) => bench.Compare(
            name, null, kind =>
            {
                Timed.Run(engines[kind], Threads, options.WarmTime, worker);
                Measured measured = Timed.Run(engines[kind], Threads, options.ReadTime, worker);
                engines[kind].WaitForCompactions();
                return measured;
            });
    }

    private static void With(Bench bench, long cacheBytes, Action<Dictionary<EngineKind, StorageEngine>> run)
    {
        int keys = bench.Options.LargeKeys;
        var engines = new Dictionary<EngineKind, StorageEngine>();
        try
        {
            foreach (EngineKind kind in Enum.GetValues<EngineKind>())
            {
                engines[kind] = StorageEngine.Open(kind, bench.Fresh(kind) with { CacheBytes = cacheBytes });
                Timed.Run(engines[kind], 1, Fill.Shuffled(keys, ValueBytes));
                engines[kind].Flush();
                engines[kind].WaitForCompactions();
            }

            Agreement.Check(engines[EngineKind.Ours], engines[EngineKind.Peer], keys);
            run(engines);
        }
        finally
        {
            foreach (StorageEngine engine in engines.Values) Bench.Remove(engine);
        }
    }

    private static Timed.Worker Worker(Mix mix, Zipf zipf, int keys) => (session, thread, clock) =>
    {
        var random = new Prng(51 + (ulong)thread);
        Span<byte> key = stackalloc byte[Keys.Length];
        byte[] value = new byte[ValueBytes];
        long draw = thread * 500_000L, operations = 0;
        // Each thread inserts in a range of its own, behind all keys.
        long inserted = keys * (thread + 2L);
        while (!clock.IsOver)
        {
            for (int i = 0; i < 16; i++, operations++)
            {
                int choice = random.NextInt(100);
                long number = zipf[draw++];
                Keys.Write(number, key);
                if (choice < mix.Update) Fill.Put(session, key, value, number, operations);
                else if ((choice -= mix.Update) < mix.Scan) session.Scan(key, 1 + random.NextInt(100));
                else if ((choice -= mix.Scan) < mix.Insert) Fill.Put(session, key, value, inserted++, operations);
                else if (choice - mix.Insert < mix.Modify && session.Get(key) >= 0)
                    Fill.Put(session, key, value, number, operations);
                else if (mix.Modify == 0 || choice - mix.Insert >= mix.Modify) session.Get(key);
            }
        }

        return operations;
    };
}
