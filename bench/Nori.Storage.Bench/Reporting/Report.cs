using System.Diagnostics;
using System.Globalization;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Reporting;

/// <summary>What a run found, printed as it comes.</summary>
internal sealed class Report
{
    private readonly List<Row> _rows = [];
    private readonly long _started = Stopwatch.GetTimestamp();

    public IReadOnlyList<Row> Rows => _rows;

    /// <summary>Distributions behind single figures: of stalls and of pauses.</summary>
    public List<(string Name, Latencies Times)> Histograms { get; } = [];

    public DateTimeOffset Started { get; } = TimeProvider.System.GetUtcNow();

    public string LoadAtStart { get; } = Load();

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    public DiskFigures Disk { get; set; }

    public (double WithTransition, double Without) CallCost { get; set; }

    public double CompressionRatio { get; set; }

    /// <summary>The machine's load averages, as it shows them.</summary>
    public static string Load() => File.Exists("/proc/loadavg")
        ? string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3)) : "unknown";

    public void PrintHead()
    {
        Print($"disk: {Disk.SyncsPerSecond:F0} appends of 4 KiB with fdatasync a second, ");
        Print($"{Disk.BytesPerSecond / 1e6:F0} MB/s sequential write\n");
        Print($"values compress to {CompressionRatio:P0} (LZ4, 4 KiB); load at start {LoadAtStart}\n");
        Print($"a call into librocksdb: {CallCost.WithTransition:F1} ns with the runtime's transition, ");
        Print($"{CallCost.Without:F1} ns without\n\n");
        Console.WriteLine(Table.Head);
    }

    private static void Print(FormattableString text) => Console.Write(text.ToString(CultureInfo.InvariantCulture));

    public void Add(Row row)
    {
        _rows.Add(row);
        Console.WriteLine(Table.Line(row));
    }

    public void PrintTail()
    {
        Console.WriteLine();
        foreach (Row row in _rows)
            if (row.Note is { } note) Console.WriteLine($"{row.Workload}: {note}");
        foreach ((string name, Latencies times) in Histograms)
        {
            Console.WriteLine();
            Console.WriteLine($"{name}: {times.Summary}");
            foreach (string line in times.Lines()) Console.WriteLine("  " + line);
        }

        Row[] judged = [.. _rows.Where(row => row.Goal is not null)];
        Row[] missed = [.. judged.Where(row => row.Holds == false)];
        Console.WriteLine();
        Console.WriteLine(
            $"{judged.Length - missed.Length} of {judged.Length} goals hold; load at end {Load()}; "
            + string.Create(CultureInfo.InvariantCulture, $"{Elapsed.TotalSeconds:F0} s"));
        foreach (Row row in missed)
        {
            string found = row.Goal!.Value.IsOfOurs
                ? Table.Figure(row.Ours, row.Unit) : row.Ratio.ToString("F2", CultureInfo.InvariantCulture);
            Console.WriteLine($"  missed: {row.Workload}: {found}, goal {row.GoalText}");
        }
    }
}
