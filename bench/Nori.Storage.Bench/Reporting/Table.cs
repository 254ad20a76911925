using System.Globalization;

namespace Nori.Storage.Bench.Reporting;

/// <summary>The rows as a Markdown table, which is also what the terminal shows.</summary>
internal static class Table
{
    private static readonly string[] Heads =
    [
        "workload", "ours", "RocksDB", "ratio", "goal", "holds", "spread", "cpu ours", "cpu peer", "db_bench", "binding",
    ];

    private static readonly int[] Widths = [44, 9, 9, 5, 9, 5, 6, 8, 8, 8, 7];

    public static string Head => Line(Heads) + "\n" + Line([.. Widths.Select((width, i) => Rule(width, i > 0))], '-');

    public static string Line(Row row) => Line(
    [
        row.Workload, Figure(row.Ours, row.Unit), double.IsNaN(row.Peer) ? "" : Figure(row.Peer, row.Unit),
        double.IsNaN(row.Ratio) ? "" : Number(row.Ratio, "F2"), row.GoalText, row.Holds switch { true => "yes", false => "NO", null => "" },
        row.OursRuns.Count > 1 ? Number(row.Spread * 100, "F0") + " %" : "",
        Micros(row.OursCpu), Micros(row.PeerCpu),
        row.DbBench is { } check ? Figure(check, "") : "",
        row.BindingShare is { } share ? Number(share * 100, "F1") + " %" : "",
    ]);

    public static string Figure(double value, string unit)
    {
        (double scaled, string prefix) = value switch
        {
            _ when unit is "µs" or "ms" or "×" => (value, " "),
            >= 1e6 => (value / 1e6, " M"),
            >= 1e3 => (value / 1e3, " k"),
            _ => (value, " "),
        };
        string digits = scaled >= 100 ? "F0" : scaled >= 10 ? "F1" : "F2";
        return (Number(scaled, digits) + prefix + (unit == "ops/s" ? "/s" : unit)).TrimEnd();
    }

    private static string Micros(double? value) => value is { } micros ? Number(micros, "F2") + " µs" : "";

    private static string Rule(int width, bool right) => new string('-', width) + (right ? ":" : "");

    private static string Line(string[] cells, char fill = ' ') =>
        "|" + string.Join("|", cells.Select((cell, i) =>
            fill + (i == 0 ? cell.PadRight(Widths[i], fill) : cell.PadLeft(Widths[i], fill))
            + (cell.EndsWith(':') ? "" : fill))) + "|";

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
