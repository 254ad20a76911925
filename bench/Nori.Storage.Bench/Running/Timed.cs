using System.Diagnostics;
using System.Runtime.InteropServices;
using Nori.Storage.Bench.Engines;

namespace Nori.Storage.Bench.Running;

/// <summary>Runs workers on threads of their own, all starting at once, and says how fast they were.</summary>
internal static partial class Timed
{
    /// <summary>What one thread does; the operations it did.</summary>
    public delegate long Worker(EngineSession session, int thread, Clock clock);

    /// <summary>Until every worker came back by itself.</summary>
    public static Measured Run(StorageEngine engine, int threads, Worker worker) =>
        Run(engine, threads, null, worker);

    /// <summary>Workers that watch the clock.</summary>
    public static Measured Run(StorageEngine engine, int threads, TimeSpan? time, Worker worker)
    {
        var clock = new Clock();
        using var start = new Barrier(threads + 1);
        long operations = 0;
        Exception? failure = null;
        Thread[] all = [.. Enumerable.Range(0, threads).Select(thread => new Thread(() =>
        {
            using EngineSession session = engine.NewSession();
            start.SignalAndWait();
            try
            {
                Interlocked.Add(ref operations, worker(session, thread, clock));
            }
            catch (Exception e)
            {
                failure = e;
            }
        }))];
        foreach (Thread thread in all) thread.Start();
        GC.Collect();
        sync();
        if (time is { } limit) clock.EndAfter(limit);
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long started = Stopwatch.GetTimestamp();
        start.SignalAndWait();
        foreach (Thread thread in all) thread.Join();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        cpu = Environment.CpuUsage.TotalTime - cpu;
        if (failure is not null) throw new InvalidOperationException("a worker failed", failure);
        return new Measured(operations / seconds, cpu.TotalMicroseconds / Math.Max(1, operations));
    }

    // What the other side left in the page cache is written before this one's clock starts.
    [LibraryImport("libc")]
    private static partial void sync();
}
