using System.Diagnostics;
using System.Globalization;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>
/// Peak memory of a process that fills, compacts, reads at random and walks, one process for each side. The memory
/// that the process had before it opened the engine is taken off, so that neither side pays for the harness.
/// </summary>
internal static class MemoryRow
{
    public const string Command = "memory-of";
    private const string Workload = "peak memory";

    public static void Run(Bench bench)
    {
        if (!bench.Wants(Workload)) return;
        (double ours, double oursWhole) = Child(bench.Options, EngineKind.Ours);
        (double peer, double peerWhole) = Child(bench.Options, EngineKind.Peer);
        bench.Report.Add(new Row
        {
            Workload = Workload,
            Unit = "B",
            OursRuns = [ours],
            PeerRuns = [peer],
            Goal = Goal.AtMost(1.5),
            Note = "above what the process had before it opened the engine; whole process: ours "
                + Table.Figure(oursWhole, "B") + ", RocksDB " + Table.Figure(peerWhole, "B"),
        });
    }

    /// <summary>The child's side: does the work and prints the growth and the peak, in bytes.</summary>
    public static int RunChild(string[] args)
    {
        EngineKind kind = Enum.Parse<EngineKind>(args[0]);
        int keys = int.Parse(args[1], CultureInfo.InvariantCulture);
        long buffer = long.Parse(args[2], CultureInfo.InvariantCulture);
        long before = Status("VmRSS:");
        StorageEngine engine = StorageEngine.Open(kind, new EngineSettings { Directory = args[3], WriteBufferBytes = buffer });
        Timed.Run(engine, 1, Fill.AtRandom(keys, 100, keys, 1));
        engine.CompactAll();
        Timed.Run(engine, 1, TimeSpan.FromSeconds(2), Reads.AtRandom(keys, 5));
        using (EngineSession session = engine.NewSession()) session.Walk(null);
        long peak = Status("VmHWM:");
        Bench.Remove(engine);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{peak - before} {peak}"));
        return 0;
    }

    private static (double Growth, double Whole) Child(BenchOptions options, EngineKind kind)
    {
        string dll = typeof(MemoryRow).Assembly.Location;
        string[] args =
        [
            dll, Command, kind.ToString(), options.Keys.ToString(CultureInfo.InvariantCulture),
            options.WriteBufferBytes.ToString(CultureInfo.InvariantCulture),
            Path.Combine(options.Directory, $"memory-{kind}"),
        ];
        using Process child = Process.Start(
            new ProcessStartInfo(Environment.ProcessPath!, args) { RedirectStandardOutput = true })!;
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0) throw new InvalidOperationException($"the child for {kind} failed: {output}");
        string[] words = output.Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return (double.Parse(words[0], CultureInfo.InvariantCulture), double.Parse(words[1], CultureInfo.InvariantCulture));
    }

    private static long Status(string name)
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024;
    }
}
