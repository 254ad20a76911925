using NoriKV.TestKit.Simulation;

namespace NoriKV.Cli.Sim;

/// <summary>
/// The row about the runs of one command in a table of a file, written while they run: a process that is killed leaves the row
/// of what it did up to then.
/// </summary>
internal sealed class ReportRow(string file, string commit, string shape)
{
    private string? _written;

    /// <summary>Writes the row, in place of the one that this command wrote before.</summary>
    public void Write(SimulationSummary summary)
    {
        // Read anew each time: a person writes to it meanwhile, or another soak.
        string[] lines = File.Exists(file) ? File.ReadAllText(file).Split('\n') : [];
        string row = summary.Row(commit, shape);
        int at = _written is null ? -1 : Array.LastIndexOf(lines, _written);
        if (at >= 0) lines[at] = row;
        string text = string.Join('\n', lines);
        // Renamed into place: whoever cuts this short does not cut the file short.
        string temporary = file + ".new";
        File.WriteAllText(temporary, at >= 0 ? text : SimulationSummary.AppendRow(text, row));
        File.Move(temporary, file, overwrite: true);
        _written = row;
    }
}
