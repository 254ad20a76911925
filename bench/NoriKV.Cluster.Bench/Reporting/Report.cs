using System.Diagnostics;
using System.Globalization;
using Nori.Storage.Bench.Reporting;

namespace NoriKV.Cluster.Bench.Reporting;

/// <summary>What a run found, printed as it comes.</summary>
internal sealed class Report(BenchOptions options)
{
    private readonly long _started = Stopwatch.GetTimestamp();

    public BenchOptions Options { get; } = options;

    public List<Row> Rows { get; } = [];

    public DateTimeOffset Started { get; } = TimeProvider.System.GetUtcNow();

    public string LoadAtStart { get; } = Load();

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    public DiskFigures Disk { get; set; }

    /// <summary>The machine's load averages, as it shows them.</summary>
    public static string Load() =>
        File.Exists("/proc/loadavg") ? string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3)) : "unknown";

    /// <summary>A line on the terminal only, so that nobody wonders.</summary>
    public static void Progress(string text) => Console.Error.WriteLine($"  … {text}");

    public void PrintHead()
    {
        Print(
            $"commit {Options.Commit}, {Environment.ProcessorCount} cores shared by all nodes and the load; load at start {LoadAtStart}\n");
        Print($"disk: {Disk.SyncsPerSecond:F0} appends of 4 KiB with fdatasync a second, {Disk.BytesPerSecond / 1e6:F0} MB/s\n");
        Print($"{Options.Repeat} runs of {Options.RunTime.TotalSeconds:0.#} s a row and side, in turn; values of 1,024 bytes; ");
        Print($"CPU: processor time an operation of all nodes, and the load generator's\n\n");
        Console.WriteLine(Table.Head);
    }

    public void Add(Row row)
    {
        Rows.Add(row);
        Console.WriteLine(Table.Line(row));
    }

    public void PrintTail()
    {
        Console.WriteLine();
        foreach (Row row in Rows)
            if (row.Note is { } note) Console.WriteLine($"{row.Workload}: {note}");
        Row[] judged = [.. Rows.Where(static row => row.Holds is not null)];
        Row[] missed = [.. judged.Where(static row => row.Holds == false)];
        Print($"{judged.Length - missed.Length} of {judged.Length} goals hold; load at end {Load()}; {Elapsed.TotalSeconds:F0} s\n");
        foreach (Row row in missed)
        {
            string found = row.Goal!.Value.IsOfOurs
                ? Table.Figure(row.OursMedian, row.Unit)
                : row.Ratio.ToString("F2", CultureInfo.InvariantCulture);
            Console.WriteLine($"  missed: {row.Workload}: {found}, goal {row.Goal}");
        }
    }

    private static void Print(FormattableString text) => Console.Write(text.ToString(CultureInfo.InvariantCulture));
}
