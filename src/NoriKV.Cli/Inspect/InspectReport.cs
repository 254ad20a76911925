using System.Globalization;
using System.Text;
using System.Text.Json;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Inspect;

/// <summary>What an inspection shows: tables, and findings marked with file and offset.</summary>
internal sealed class InspectReport(string subject)
{
    /// <summary>What was looked at.</summary>
    public string Subject { get; } = subject;

    public List<InspectTable> Tables { get; } = [];

    public List<InspectFinding> Findings { get; } = [];

    /// <summary>True when something is damaged.</summary>
    public bool IsCorrupt => Findings.Exists(static f => f.IsCorruption);

    /// <summary>Takes over what another report shows.</summary>
    public void Add(InspectReport other)
    {
        Tables.AddRange(other.Tables);
        Findings.AddRange(other.Findings);
    }

    /// <summary>One line of JSON.</summary>
    public string Json() => JsonOutput.Line(w =>
    {
        w.WriteString("subject", Subject);
        foreach (IGrouping<string, InspectTable> group in Tables.GroupBy(static t => t.Name))
        {
            w.WriteStartArray(group.Key.Replace(' ', '_'));
            foreach (InspectTable table in group) WriteRows(w, table);
            w.WriteEndArray();
        }

        w.WriteStartArray("findings");
        foreach (InspectFinding finding in Findings)
        {
            w.WriteStartObject();
            w.WriteString("kind", finding.Kind);
            w.WriteString("file", finding.File);
            w.WriteNumber("offset", finding.Offset);
            w.WriteString("what", finding.What);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteBoolean("sound", !IsCorrupt);
    });

    /// <summary>Tables for people.</summary>
    public string Text()
    {
        var text = new StringBuilder(Subject).Append('\n');
        foreach (InspectTable table in Tables.Where(static t => t.Rows.Count > 0)) AppendTable(text, table);
        text.Append('\n');
        foreach (InspectFinding f in Findings)
        {
            text.Append(f.IsCorruption ? "!! " : "-- ")
                .Append(CultureInfo.InvariantCulture, $"{f.Kind} in {f.File} at offset {f.Offset}: {f.What}\n");
        }

        return text.Append(IsCorrupt ? "CORRUPT" : "sound").Append('\n').ToString();
    }

    private static void WriteRows(Utf8JsonWriter writer, InspectTable table)
    {
        foreach (object[] row in table.Rows)
        {
            writer.WriteStartObject();
            for (int i = 0; i < table.Columns.Length; i++)
            {
                string name = table.Columns[i].Replace(' ', '_');
                if (row[i] is long number) writer.WriteNumber(name, number);
                else if (row[i] is ulong unsigned) writer.WriteNumber(name, unsigned);
                else if (row[i] is int small) writer.WriteNumber(name, small);
                else if (row[i] is bool flag) writer.WriteBoolean(name, flag);
                else writer.WriteString(name, row[i].ToString());
            }

            writer.WriteEndObject();
        }
    }

    private static void AppendTable(StringBuilder text, InspectTable table)
    {
        string[][] cells = [table.Columns, .. table.Rows.Select(static r => r.Select(Cell).ToArray())];
        int[] widths = [.. table.Columns.Select((_, i) => cells.Max(row => row[i].Length))];
        text.Append('\n').Append(table.Name).Append('\n');
        foreach (string[] line in cells)
        {
            text.Append("  ");
            for (int i = 0; i < widths.Length; i++)
            {
                bool right = table.Rows[0][i] is long or ulong or int;
                bool last = i == widths.Length - 1;
                text.Append(right ? line[i].PadLeft(widths[i]) : last ? line[i] : line[i].PadRight(widths[i]));
                if (!last) text.Append("  ");
            }

            text.Append('\n');
        }
    }

    private static string Cell(object cell) => cell switch
    {
        long n => n.ToString("N0", CultureInfo.InvariantCulture),
        int n => n.ToString("N0", CultureInfo.InvariantCulture),
        ulong n => n.ToString("N0", CultureInfo.InvariantCulture),
        bool b => b ? "yes" : "no",
        _ => cell.ToString() ?? "",
    };
}
