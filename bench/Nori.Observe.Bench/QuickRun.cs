using System.Diagnostics;
using System.Globalization;

namespace Nori.Observe.Bench;

/// <summary>Times each operation by itself and with all processors at once; checks the budgets of the design.</summary>
internal static class QuickRun
{
    private const int Operations = 2_000_000;

    public static IReadOnlyList<HotPathRow> Run()
    {
        HotPathBenchmarks hot = new();
        (string Name, Action Once, double BudgetNanoseconds)[] rows =
        [
            ("Counter.Add", hot.CounterAdd, 80),
            ("Gauge.Set", hot.GaugeSet, 80),
            ("Histogram.Record", hot.HistogramRecord, 200),
            ("Counter.Add (null meter)", hot.NullCounterAdd, 80),
            ("Emit (null sink)", hot.NullSinkEmit, 80),
            ("Emit (ring)", hot.RingEmit, 1000),
        ];
        int threads = Environment.ProcessorCount;
        var measured = new List<HotPathRow>();
        foreach ((string name, Action once, double budget) in rows)
        {
            for (int i = 0; i < 5; i++) Time(once, Operations / 10);
            double alone = Enumerable.Range(0, 5).Min(_ => Time(once, Operations));
            double together = TimeTogether(once, threads);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 10_000; i++) once();
            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            measured.Add(new HotPathRow(name, alone, together, bytes, budget));
        }

        return measured;
    }

    /// <summary>The table; false when a budget is missed.</summary>
    public static bool Print(IReadOnlyList<HotPathRow> rows)
    {
        string together = $"ns, {Environment.ProcessorCount} threads";
        Console.WriteLine($"{"operation",-26} {"ns alone",10} {together,14} {"bytes",7} {"budget",7}");
        foreach (HotPathRow row in rows)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{row.Name,-26} {row.Alone,10:F1} {row.Together,14:F1} {row.Bytes,7} {row.Budget,7}"));
        }

        bool met = rows.All(static r => r.IsMet);
        Console.WriteLine(met ? "within budget" : "OVER BUDGET");
        return met;
    }

    private static double Time(Action once, int operations)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < operations; i++) once();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / operations;
    }

    private static double TimeTogether(Action once, int count)
    {
        double[] times = new double[count];
        Thread[] threads = Enumerable.Range(0, count)
            .Select(n => new Thread(() => times[n] = Time(once, Operations)))
            .ToArray();
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        return times.Average();
    }
}
