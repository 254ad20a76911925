using System.Globalization;
using System.Text;
using NoriKV.TestKit.Simulation.Reports;

namespace NoriKV.TestKit.Simulation;

/// <summary>Many runs together: what was covered, and the row of a table that says so.</summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class SimulationSummary
{
    private const string Header =
        "| commit | nodes | seeds | runs | virtual hours | operations | faults | violations | rare paths | trace hash of each 100th seed |";

    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<ulong, ulong> _hashes = [];
    private readonly List<ulong> _failed = [];
    private readonly List<ulong> _undecided = [];
    private ulong _first = ulong.MaxValue;
    private ulong _last;
    private bool _isScenario;

    /// <summary>Runs.</summary>
    public int Runs { get; private set; }

    /// <summary>Their virtual time together.</summary>
    public TimeSpan VirtualTime { get; private set; }

    /// <summary>Calls of clients.</summary>
    public long Operations { get; private set; }

    /// <summary>Faults done.</summary>
    public long Faults { get; private set; }

    /// <summary>Seeds with a violation.</summary>
    public IReadOnlyList<ulong> Failed => _failed;

    /// <summary>Seeds with keys that the checker of linearizability did not decide.</summary>
    public IReadOnlyList<ulong> Undecided => _undecided;

    /// <summary>What was reached, by name.</summary>
    public IReadOnlyDictionary<string, long> Counts => _counts;

    /// <summary>Rare paths with their counts; zero is a path that nobody has tested.</summary>
    public IEnumerable<KeyValuePair<string, long>> RarePaths =>
        (_isScenario ? Probes.RareOfScenarios : Probes.Rare).Select(
            name => KeyValuePair.Create(name, _counts.GetValueOrDefault(name)));

    /// <summary>Adds a run.</summary>
    /// <param name="report">Its report.</param>
    /// <param name="hundredth">True: its hash belongs into the row.</param>
    public void Add(SimulationReport report, bool hundredth)
    {
        ArgumentNullException.ThrowIfNull(report);
        ulong seed = report.Options.Seed;
        _isScenario = report.Options.Scenario != SimulationScenario.None;
        Runs++;
        VirtualTime += report.VirtualTime;
        Operations += report.Operations;
        Faults += report.Faults;
        _first = Math.Min(_first, seed);
        _last = Math.Max(_last, seed);
        if (!report.IsGood) _failed.Add(seed);
        if (report.UndecidedKeys.Count > 0) _undecided.Add(seed);
        if (hundredth) _hashes[seed] = report.TraceHash;
        foreach ((string name, long count) in report.Counts) _counts[name] = _counts.GetValueOrDefault(name) + count;
    }

    /// <summary>The row of a Markdown table.</summary>
    /// <param name="commit">What was run.</param>
    /// <param name="nodes">How many nodes, and what else it takes to run the same again.</param>
    public string Row(string commit, string nodes)
    {
        string rare = string.Join(", ", RarePaths.Select(p => $"{p.Key} {p.Value}"));
        string hashes = string.Join(", ", _hashes.Select(h => $"{h.Key}: `{h.Value:x16}`"));
        string hours = VirtualTime.TotalHours.ToString("0.00", CultureInfo.InvariantCulture);
        string violations = _undecided.Count == 0 ? $"{_failed.Count}" : $"{_failed.Count}, and {_undecided.Count} undecided";
        return $"| {commit} | {nodes} | {_first}–{_last} | {Runs} | {hours} | {Operations} | {Faults} "
            + $"| {violations} | {rare} | {hashes} |";
    }

    /// <summary>Appends a row to the table in a text, behind the last row; makes the table where there is none.</summary>
    public static string AppendRow(string text, string row)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<string> lines = [.. text.TrimEnd('\n').Split('\n')];
        int at = lines.IndexOf(Header);
        if (at < 0)
        {
            var table = new StringBuilder(text.TrimEnd('\n'));
            if (table.Length > 0) table.Append("\n\n");
            table.Append(Header).Append('\n');
            table.Append('|').Append(string.Concat(Enumerable.Repeat("---|", Header.Count(c => c == '|') - 1))).Append('\n');
            return table.Append(row).Append('\n').ToString();
        }

        while (at + 1 < lines.Count && lines[at + 1].StartsWith('|')) at++;
        lines.Insert(at + 1, row);
        return string.Join('\n', lines) + "\n";
    }
}
