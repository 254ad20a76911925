using System.Globalization;
using NoriKV.Cluster.Bench.Load;

namespace NoriKV.Cluster.Bench.Reporting;

/// <summary>The rows as a Markdown table, which is also what the terminal shows.</summary>
internal static class Table
{
    private static readonly string[] Heads =
    [
        "workload", "ours", "peer", "ratio", "goal", "holds", "spread", "mean, ours", "mean, peer", "p95, ours",
        "CPU, ours", "CPU, peer", "load's, ours", "load's, peer",
    ];

    private static readonly int[] Widths = [45, 9, 9, 5, 6, 5, 6, 10, 10, 9, 9, 9, 12, 12];

    public static string Head => Line(Heads) + "\n" + Line([.. Widths.Select((width, i) => i == 0 ? "" : Rule(width))], '-');

    public static string Line(Row row) => Line(
    [
        row.Workload, Figure(row.OursMedian, row.Unit), Figure(row.PeerMedian, row.Unit), Number(row.Ratio, "F2"),
        row.Goal?.ToString() ?? "", row.Holds switch { true => "yes", false => "NO", null => "" },
        row.OursRuns.Count > 1 ? Number(row.Spread * 100, "F0") + " %" : "",
        Besides(row.Ours, static m => m.MeanMs, "ms"), Besides(row.Peer, static m => m.MeanMs, "ms"),
        Besides(row.Ours, static m => m.P95Ms, "ms"),
        Besides(row.Ours, static m => m.NodesMicros, "µs"), Besides(row.Peer, static m => m.NodesMicros, "µs"),
        Besides(row.Ours, static m => m.LoadMicros, "µs"), Besides(row.Peer, static m => m.LoadMicros, "µs"),
    ]);

    public static string Figure(double value, string unit)
    {
        if (double.IsNaN(value)) return "";
        if (unit == "ops/s")
            return value >= 1000 ? Number(value / 1000, value >= 100_000 ? "F0" : "F1") + " k/s" : Number(value, "F0") + "/s";
        return Number(value, value >= 100 ? "F0" : value >= 10 ? "F1" : "F2") + " " + unit;
    }

    private static string Besides(IReadOnlyList<Measured> runs, Func<Measured, double> figure, string unit) =>
        Figure(Row.Beside(runs, figure), unit);

    private static string Number(double value, string format) =>
        double.IsNaN(value) ? "" : value.ToString(format, CultureInfo.InvariantCulture);

    private static string Rule(int width) => new string('-', width) + ":";

    private static string Line(string[] cells, char fill = ' ') =>
        "|" + string.Join("|", cells.Select((cell, i) =>
            fill + (i == 0 ? cell.PadRight(Widths[i], fill) : cell.PadLeft(Widths[i], fill)) + (cell.EndsWith(':') ? "" : fill))) + "|";
}
