using System.Diagnostics;
using System.Globalization;
using Nori.Core;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>
/// Hours of reads, overwrites and scans on our side alone, at a bounded share of the processors: does memory grow, and how
/// long does the garbage collector stop us?
/// </summary>
internal static class SoakRun
{
    private const int Lines = 20;
    private const int KeyCount = 500_000;
    private const double GrowthMax = 1.1;
    private const double PauseMsMax = 10;

    /// <summary>Prints a line for each twentieth; 0 when memory did not grow and no pause was too long.</summary>
    public static int Run(string directory, TimeSpan time, double cpuMax)
    {
        var settings = new EngineSettings
        {
            Directory = Path.Combine(directory, "soak"),
            WriteBufferBytes = 16 << 20,
            CacheBytes = 64 << 20,
        };
        using StorageEngine engine = StorageEngine.Open(EngineKind.Ours, settings);
        Timed.Run(engine, 1, Fill.Shuffled(KeyCount, 100));
        using var pauses = new GcPauses();
        var resident = new List<double>();
        long started = Stopwatch.GetTimestamp();
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        Console.WriteLine("   minutes  resident MB  managed MB   tables MB  operations   pauses  longest ms");
        pauses.Begin();
        for (int line = 1; line <= Lines; line++)
        {
            Measured measured = Timed.Run(engine, 2, time / Lines, Mixed(line, cpuMax));
            Latencies sofar = pauses.SoFar;
            resident.Add(Resident());
            double minutes = Stopwatch.GetElapsedTime(started).TotalMinutes, managed = GC.GetTotalMemory(false) / 1e6;
            double operations = measured.Rate * time.TotalSeconds / Lines;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{minutes,10:F1} {resident[^1] / 1e6,12:F1} {managed,11:F1} {engine.TableBytes / 1e6,11:F1} {operations,11:F0} ")
                + string.Create(CultureInfo.InvariantCulture, $"{sofar.Count,8} {sofar.MaxMs,11:F2}"));
        }

        Latencies times = pauses.End();
        double share = (Environment.CpuUsage.TotalTime - cpu) / Stopwatch.GetElapsedTime(started) / Environment.ProcessorCount;
        // The first fifth fills caches and pools.
        double early = Statistics.Median(resident[4..10]), late = Statistics.Median(resident[14..]);
        Console.WriteLine($"GC pauses at {share.ToString("P0", CultureInfo.InvariantCulture)} of the processors: {times.Summary}");
        foreach (string line in times.Lines()) Console.WriteLine("  " + line);
        bool grew = late > early * GrowthMax, paused = times.MaxMs > PauseMsMax;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"memory: {early / 1e6:F1} MB early, {late / 1e6:F1} MB late: {(grew ? "IT GREW" : "no growth")}; ")
            + (paused ? "A PAUSE WAS TOO LONG" : "no pause above 10 ms"));
        return grew || paused ? 1 : 0;
    }

    private static double Resident()
    {
        using Process self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    private static Timed.Worker Mixed(int line, double cpuMax)
    {
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long started = Stopwatch.GetTimestamp();
        return (session, thread, clock) =>
        {
            var random = new Prng((ulong)((line * 2) + thread));
            Span<byte> key = stackalloc byte[Keys.Length];
            byte[] value = new byte[100];
            long operations = 0;
            while (!clock.IsOver)
            {
                for (int i = 0; i < 32; i++, operations += 2)
                {
                    Keys.Write(random.NextInt(KeyCount), key);
                    session.Get(key);
                    Fill.Put(session, key, value, random.NextInt(KeyCount), operations);
                }

                Keys.Write(random.NextInt(KeyCount), key);
                session.Scan(key, 20);
                TimeSpan used = Environment.CpuUsage.TotalTime - cpu;
                if (used > Stopwatch.GetElapsedTime(started) * Environment.ProcessorCount * cpuMax) Thread.Sleep(1);
            }

            return operations;
        };
    }
}
