using System.Diagnostics;
using Nori.Core;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>
/// How long the garbage collector stops our side while two threads read and write at 60 % of the processors, flush and
/// compaction included.
/// </summary>
internal static class PauseRow
{
    private const string Workload = "longest GC pause, mixed at ≤ 70 % CPU";
    private const double CpuMax = 0.6;

    public static void Run(Bench bench)
    {
        if (!bench.Wants(Workload)) return;
        int keys = bench.Options.Keys;
        StorageEngine engine = bench.Open(EngineKind.Ours);
        try
        {
            Timed.Run(engine, 1, Fill.AtRandom(keys, 100, keys, 1));
            using var pauses = new GcPauses();
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            long started = Stopwatch.GetTimestamp();
            pauses.Begin();
            Measured measured = Timed.Run(engine, 2, bench.Options.PauseTime, Mixed(keys));
            Latencies times = pauses.End();
            double share = (Environment.CpuUsage.TotalTime - cpu) / Stopwatch.GetElapsedTime(started) / Environment.ProcessorCount;
            bench.Report.Add(new Row
            {
                Workload = Workload,
                Unit = "ms",
                OursRuns = [times.MaxMs],
                PeerRuns = [],
                Goal = Goal.OursAtMost(10),
                OursCpu = measured.CpuMicros,
                Note = FormattableString.Invariant(
                    $"{times.Count} pauses, {share:P0} of the processors, {measured.Rate:F0} operations a second"),
            });
            bench.Report.Histograms.Add(("GC pauses by the runtime's events", times));
        }
        finally
        {
            Bench.Remove(engine);
        }
    }

    private static Timed.Worker Mixed(int keys)
    {
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long started = Stopwatch.GetTimestamp();
        return (session, thread, clock) =>
        {
            var random = new Prng(71 + (ulong)thread);
            Span<byte> key = stackalloc byte[Keys.Length];
            byte[] value = new byte[100];
            long operations = 0;
            while (!clock.IsOver)
            {
                for (int i = 0; i < 32; i++, operations += 2)
                {
                    Keys.Write(random.NextInt(keys), key);
                    session.Get(key);
                    Fill.Put(session, key, value, random.NextInt(keys), operations);
                }

                TimeSpan used = Environment.CpuUsage.TotalTime - cpu;
                TimeSpan allowed = Stopwatch.GetElapsedTime(started) * Environment.ProcessorCount * CpuMax;
                if (used > allowed) Thread.Sleep(1);
            }

            return operations;
        };
    }
}
