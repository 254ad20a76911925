using System.Globalization;
using System.Text;
using NoriKV.Node.Tracing;

namespace NoriKV.Cli.Explain;

/// <summary>A trace for people: a line of what and where, then each stage with its time and a bar where it lay in the whole.</summary>
internal static class TraceText
{
    private const int BarWidth = 40;

    /// <summary>The whole table.</summary>
    public static string Table(RequestTrace trace)
    {
        var text = new StringBuilder();
        text.Append(Head(trace)).Append('\n');
        Row[] rows = [.. trace.Stages.Select(s => Of(s, trace.Total, '█')), .. trace.Beside.Select(s => Of(s, trace.Total, '░'))];
        int stage = Math.Max(5, rows.Max(static r => r.Stage.Length)), node = Math.Max(4, rows.Max(static r => r.Node.Length));
        text.Append($"  {"stage".PadRight(stage)}  {"node".PadRight(node)}  {"ms",10}  {"%",5}\n");
        foreach (Row row in rows.Take(trace.Stages.Count)) Append(text, row, stage, node);
        text.Append($"  {"total".PadRight(stage)}  {"".PadRight(node)}  {Milliseconds(trace.Total),10}  {"100.0",5}\n");
        if (trace.Beside.Count == 0) return text.ToString();
        text.Append("beside it, not waited for\n");
        foreach (Row row in rows.Skip(trace.Stages.Count)) Append(text, row, stage, node);
        return text.ToString();
    }

    /// <summary>One line: what, where, how it ended, how long.</summary>
    public static string Head(RequestTrace trace)
    {
        string shard = trace.Shard is { } number ? $"  shard {number}" : "";
        string way = trace.ServedBy == trace.Node ? trace.Node : $"{trace.Node} -> {trace.ServedBy}";
        string forwards = trace.Forwards == 0 ? "" : trace.Forwards == 1 ? " (forwarded)" : $" (forwarded {trace.Forwards} times)";
        string id = trace.TraceId is { } known ? $"  trace {known}" : "";
        return Clean($"{trace.Operation}{shard}  {way}{forwards}  {trace.Status}  {Milliseconds(trace.Total)} ms{id}");
    }

    /// <summary>One line with the stages that took longest first, for a list.</summary>
    public static string Line(RequestTrace trace)
    {
        IEnumerable<string> stages = trace.Stages
            .Where(s => s.Length >= trace.Total / 100)
            .OrderByDescending(static s => s.Length)
            .Select(static s => $"{NameOf(s)}@{Clean(s.Node)} {Milliseconds(s.Length)}");
        return $"{trace.At.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffZ}  {Head(trace)}  {string.Join(", ", stages)}";
    }

    private static void Append(StringBuilder text, Row row, int stage, int node)
    {
        string bar = new string(' ', row.From) + (row.To > row.From ? new string(row.Fill, row.To - row.From) : "▏");
        text.Append($"  {row.Stage.PadRight(stage)}  {row.Node.PadRight(node)}  {row.Took,10}  {row.Part,5}  {bar}\n");
    }

    // Both ends are rounded from the beginning of the whole: bars of stages that follow each other touch and fill the width.
    private static Row Of(TraceStage stage, TimeSpan total, char fill)
    {
        double width = total > TimeSpan.Zero ? BarWidth / total.TotalMicroseconds : 0;
        int from = Column(stage.Start), to = Column(stage.Start + stage.Length);
        double part = total > TimeSpan.Zero ? 100 * (stage.Length / total) : 0;
        return new Row(
            NameOf(stage), Clean(stage.Node), Milliseconds(stage.Length) + (stage.IsOpen ? "+" : ""),
            part.ToString("0.0", CultureInfo.InvariantCulture), from, to, fill);

        int Column(TimeSpan at) => Math.Clamp((int)Math.Round(at.TotalMicroseconds * width), 0, BarWidth);
    }

    private static string NameOf(TraceStage stage) => Clean(stage.Detail.Length == 0 ? stage.Name : $"{stage.Name} {stage.Detail}");

    // What a node says does not steer the terminal.
    private static string Clean(string text) => text.Any(char.IsControl)
        ? string.Concat(text.Select(static c => char.IsControl(c) ? '?' : c))
        : text;

    private static string Milliseconds(TimeSpan span) => span.TotalMilliseconds.ToString("0.000", CultureInfo.InvariantCulture);

    private readonly record struct Row(string Stage, string Node, string Took, string Part, int From, int To, char Fill);
}
