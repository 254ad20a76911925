using NoriKV.TestKit.Simulation;

namespace NoriKV.Cli.Sim;

/// <summary>
/// The row about the runs of one command in a table of a file, written while they run: a process that is killed leaves the row
/// of what it did up to then.
/// </summary>
internal sealed class ReportRow(string file, string commit, int nodes)
{
    private readonly string _before = File.Exists(file) ? File.ReadAllText(file) : "";

    /// <summary>Writes the row, in place of the one that this command wrote before.</summary>
    public void Write(SimulationSummary summary)
    {
        // Renamed into place: whoever cuts this short does not cut the file short.
        string whole = SimulationSummary.AppendRow(_before, summary.Row(commit, nodes));
        string temporary = file + ".new";
        File.WriteAllText(temporary, whole);
        File.Move(temporary, file, overwrite: true);
    }
}
