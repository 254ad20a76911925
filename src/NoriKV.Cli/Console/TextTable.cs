using System.Text;

namespace NoriKV.Cli.Console;

/// <summary>Rows under upper-case column names, in columns as wide as their widest cell; two spaces between them.</summary>
/// <param name="columns">Their names; one that begins with '&gt;' is aligned to the right, as figures are.</param>
internal sealed class TextTable(params string[] columns)
{
    private readonly List<string[]> _rows = [];

    /// <summary>Rows so far.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds a row, a cell for each column; an empty one is shown as a dash.</summary>
    public void Add(params string[] cells) => _rows.Add([.. cells.Select(static c => c.Length == 0 ? "-" : c)]);

    /// <summary>The lines, the names first; nothing stands behind the last cell.</summary>
    public IEnumerable<string> Lines()
    {
        bool[] right = [.. columns.Select(static c => c.StartsWith('>'))];
        string[] names = [.. columns.Select(static c => c.TrimStart('>'))];
        int[] widths = [.. names.Select((name, i) => Math.Max(name.Length, _rows.Select(r => r[i].Length).DefaultIfEmpty().Max()))];
        yield return Line(names, widths, right);
        foreach (string[] row in _rows) yield return Line(row, widths, right);
    }

    private static string Line(string[] cells, int[] widths, bool[] right)
    {
        var line = new StringBuilder();
        for (int i = 0; i < cells.Length; i++)
        {
            if (i > 0) line.Append("  ");
            line.Append(right[i] ? cells[i].PadLeft(widths[i]) : cells[i].PadRight(widths[i]));
        }

        return line.ToString().TrimEnd();
    }
}
