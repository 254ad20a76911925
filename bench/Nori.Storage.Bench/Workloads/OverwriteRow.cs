using System.Diagnostics;
using System.Globalization;
using Nori.Core;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>
/// Random overwrites, round after round as many as there are keys, until a round writes as much as the one before it: what
/// compaction costs when it is steady. Small write buffers, so that it gets there soon.
/// </summary>
internal static class OverwriteRow
{
    private const string Rate = "overwrite until steady";
    private const string Writes = "overwrite: write amplification";
    private const string Space = "overwrite: space amplification, peak";
    private const string Longest = "overwrite: longest write";
    private const string Late = "overwrite: p99.9 of writes";
    private const int ValueBytes = 100;
    private const double SteadyWithin = 0.1;

    private static readonly string[] All = [Rate, Writes, Space, Longest, Late];

    private sealed record Found(double Rate, double Cpu, double WriteAmplification, double SpaceAmplification, int Rounds, Latencies Times);

    public static void Run(Bench bench)
    {
        if (!All.Any(bench.Wants)) return;
        Found ours = Measure(bench, EngineKind.Ours), peer = Measure(bench, EngineKind.Peer);
        string note = Inv($"rounds until steady: ours {ours.Rounds}, RocksDB {peer.Rounds}; ")
            + "bytes are those handed to write calls, logs included";
        Add(Rate, "ops/s", found => found.Rate, note);
        Add(Writes, "×", found => found.WriteAmplification, null);
        Add(Space, "×", found => found.SpaceAmplification, "tables at their most, by tables when all is compacted");
        Add(Longest, "ms", found => found.Times.MaxMs, null);
        Add(Late, "µs", found => found.Times.Quantile(0.999) / 1000, null);
        bench.Report.Histograms.Add(("time of a write while overwriting, ours", ours.Times));
        bench.Report.Histograms.Add(("time of a write while overwriting, RocksDB", peer.Times));

        void Add(string workload, string unit, Func<Found, double> figure, string? why) => bench.Report.Add(new Row
        {
            Workload = workload,
            Unit = unit,
            OursRuns = [figure(ours)],
            PeerRuns = [figure(peer)],
            OursCpu = workload == Rate ? ours.Cpu : null,
            PeerCpu = workload == Rate ? peer.Cpu : null,
            Note = why,
        });
    }

    private static Found Measure(Bench bench, EngineKind kind)
    {
        int keys = bench.Options.OverwriteKeys;
        var times = new Latencies();
        long peak = 0;
        EngineSettings settings = bench.Fresh(kind) with { WriteBufferBytes = bench.Options.WriteBufferBytes / 4 };
        using StorageEngine engine = StorageEngine.Open(kind, settings);
        Timed.Run(engine, 1, Fill.Shuffled(keys, ValueBytes));
        engine.Flush();
        engine.WaitForCompactions();
        double userBytes = (double)keys * (Keys.Length + ValueBytes), before = 0;
        for (int round = 1; ; round++)
        {
            bool last = round == bench.Options.OverwriteRoundsMax;
            long written = WrittenBytes(), started = Stopwatch.GetTimestamp();
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            times = new Latencies();
            using (new Timer(_ => peak = Math.Max(peak, engine.TableBytes), null, 0, 50))
                Timed.Run(engine, 1, Overwrite(keys, (ulong)round, times));
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            // What the round put off counts for its bytes and processor time, not for its rate.
            engine.WaitForCompactions();
            cpu = Environment.CpuUsage.TotalTime - cpu;
            double amplification = (WrittenBytes() - written) / userBytes;
            bool steady = round > 2 && Math.Abs(amplification - before) <= SteadyWithin * before;
            before = amplification;
            if (!steady && !last) continue;
            engine.CompactAll();
            double space = peak / (double)engine.TableBytes;
            engine.Dispose();
            Directory.Delete(engine.Settings.Directory, recursive: true);
            return new Found(keys / seconds, cpu.TotalMicroseconds / keys, amplification, space, round, times);
        }
    }

    private static Timed.Worker Overwrite(int keys, ulong seed, Latencies times) => (session, _, _) =>
    {
        var random = new Prng(seed);
        Span<byte> key = stackalloc byte[Keys.Length];
        byte[] value = new byte[ValueBytes];
        long last = Stopwatch.GetTimestamp();
        for (int i = 0; i < keys; i++)
        {
            Fill.Put(session, key, value, random.NextInt(keys), i);
            long now = Stopwatch.GetTimestamp();
            times.Record(last, now);
            last = now;
        }

        return keys;
    };

    /// <summary>Bytes that this process has handed to write calls.</summary>
    private static long WrittenBytes()
    {
        string line = File.ReadLines("/proc/self/io").First(line => line.StartsWith("wchar:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(6), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
    }

    private static string Inv(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
