using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>Values from 64 bytes to 64 KiB: as many keys as make up the same number of bytes.</summary>
internal static class SizeRows
{
    private static readonly int[] Sizes = [64, 512, 4096, 65_536];

    public static void Run(Bench bench)
    {
        foreach (int size in Sizes) Run(bench, size);
    }

    private static void Run(Bench bench, int size)
    {
        BenchOptions options = bench.Options;
        string text = size < 1024 ? $"{size} B" : $"{size / 1024} KiB";
        string fill = $"values of {text}: fill", read = $"values of {text}: read";
        if (!bench.Wants(fill) && !bench.Wants(read)) return;
        int keys = (int)Math.Min(options.SizeBytes / (size + Keys.Length), options.Keys);
        var engines = new Dictionary<EngineKind, StorageEngine>();
        try
        {
            bench.Compare(fill, null, kind =>
            {
                if (engines.Remove(kind, out StorageEngine? before)) Bench.Remove(before);
                engines[kind] = bench.Open(kind);
                return Timed.Run(engines[kind], 1, Fill.Shuffled(keys, size));
            }, Calls.Put);
            if (engines.Count < 2) return;
            foreach (StorageEngine engine in engines.Values) engine.CompactAll();
            Agreement.Check(engines[EngineKind.Ours], engines[EngineKind.Peer], keys);
            bench.Compare(read, null, kind =>
            {
                Timed.Run(engines[kind], 1, options.WarmTime, Reads.AtRandom(keys, 61));
                return Timed.Run(engines[kind], 1, options.ReadTime / 2, Reads.AtRandom(keys, 61));
            }, Calls.Get);
        }
        finally
        {
            foreach (StorageEngine engine in engines.Values) Bench.Remove(engine);
        }
    }
}
