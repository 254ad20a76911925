using System.Globalization;
using System.Text;
using NoriKV.Cli.Console;
using NoriKV.TestKit.Linearizability;
using NoriKV.TestKit.Simulation;

namespace NoriKV.Cli.Sim;

/// <summary>What <c>norikv sim</c> prints of runs.</summary>
internal static class SimText
{
    /// <summary>A run's story, what was wrong, and its hash in the last line.</summary>
    public static string Story(SimulationReport report)
    {
        var text = new StringBuilder();
        foreach (string line in report.Story) text.Append(line).Append('\n');
        text.Append('\n');
        foreach (DiskUse disk in report.Disks)
            text.Append(Invariant($"{disk.Node}: {disk.Files} files, {disk.Syncs} syncs, {disk.Bytes} bytes written\n"));
        text.Append(Invariant($"{report.VirtualTime.TotalSeconds:0.0} virtual seconds, "));
        text.Append(Invariant($"{report.Operations} operations ({report.OperationsUnknown} of unknown outcome), "));
        text.Append(Invariant($"{report.Faults} faults, {report.Messages} messages, {report.Events} events\n"));
        if (report is { HealedAfter: { } healed, RestartedAfter: { } restarted })
        {
            text.Append(Invariant($"all was well again {healed.TotalSeconds:0.00} s after it was healed, "));
            text.Append(Invariant($"and {restarted.TotalSeconds:0.00} s after all nodes restarted\n"));
        }

        foreach (Violation v in report.Violations)
            text.Append(Invariant($"violation of {v.Checker} at {v.At.TotalSeconds:0.0000} s: {v.What}\n"));
        if (report.UndecidedKeys.Count > 0)
            text.Append(Invariant($"undecided within {report.Options.StatesMax} states: {string.Join(", ", report.UndecidedKeys)}\n"));
        return text.Append(Invariant($"trace hash: {report.TraceHash:x16}\n")).ToString();
    }

    /// <summary>One line about many runs, and the paths they reached.</summary>
    public static string Summary(SimulationSummary summary, TimeSpan took)
    {
        var text = new StringBuilder();
        text.Append(Invariant($"{summary.Runs} runs, {summary.VirtualTime.TotalHours:0.00} virtual hours in "));
        text.Append(Invariant($"{took.TotalSeconds:0.0} s ({summary.VirtualTime / took:0} x), {summary.Operations} operations, "));
        text.Append(Invariant($"{summary.Faults} faults, {summary.Failed.Count} with violations"));
        if (summary.Undecided.Count > 0) text.Append(Invariant($", {summary.Undecided.Count} with undecided keys"));
        text.Append('\n');
        foreach ((string name, long count) in summary.RarePaths)
            text.Append(Invariant($"  {name,-24} {count,10}{(count == 0 ? "  never reached" : "")}\n"));
        return text.ToString();
    }

    /// <summary>The command that replays a run.</summary>
    public static string Command(SimulationOptions options, string norikv)
    {
        string nodes = options.Scenario == SimulationScenario.None ? Invariant($"--nodes {options.Nodes}") : Scenario(options);
        return Invariant($"{norikv} sim --seed {options.Seed} {nodes} --shards {options.Shards}{Otherwise(options)}");
    }

    /// <summary>What runs were like, for a row about them: how many nodes, and what was asked for that is not the default.</summary>
    public static string Shape(SimulationOptions options)
    {
        string nodes = options.Scenario == SimulationScenario.None ? Invariant($"{options.Nodes}") : Scenario(options);
        return options.Shards == new SimulationOptions { Seed = options.Seed }.Shards
            ? nodes + Otherwise(options)
            : Invariant($"{nodes} --shards {options.Shards}{Otherwise(options)}");
    }

    private static string Scenario(SimulationOptions options) => $"--scenario {options.Scenario.ToString().ToLowerInvariant()}";

    private static string Otherwise(SimulationOptions options)
    {
        var text = new StringBuilder();
        if (options.Safety is { } safety) text.Append(Invariant($" --safety {safety.Ticks / 10000.0:0.####}ms"));
        if (options.Clients is { } clients) text.Append(Invariant($" --clients {clients}"));
        if (options.OperationsPerSecond is { } rate) text.Append(Invariant($" --rate {rate}"));
        if (options.OperationsMax != int.MaxValue) text.Append(Invariant($" --operations {options.OperationsMax}"));
        // Of a scenario rot and changes by hand are no part.
        FaultKinds all = options.Scenario == SimulationScenario.None
            ? FaultKinds.All
            : FaultKinds.All & ~(FaultKinds.BitRot | FaultKinds.Membership);
        FaultKinds asked = options.Faults & all;
        if (asked != all) text.Append(" --faults ").Append(asked.ToString().Replace(" ", "", StringComparison.Ordinal));
        if (options.StatesMax != LinearizabilityChecker.DefaultStatesMax) text.Append(Invariant($" --max-states {options.StatesMax}"));
        if (options.WithoutFaults.Count > 0) text.Append(" --without ").Append(string.Join(',', options.WithoutFaults));
        return text.ToString();
    }

    /// <summary>A run as JSON.</summary>
    public static string Json(SimulationReport report, string command) => JsonOutput.Line(w =>
    {
        w.WriteNumber("seed", report.Options.Seed);
        w.WriteNumber("nodes", report.Options.Nodes);
        w.WriteBoolean("good", report.IsGood);
        w.WriteString("trace_hash", report.TraceHash.ToString("x16", CultureInfo.InvariantCulture));
        w.WriteNumber("virtual_seconds", report.VirtualTime.TotalSeconds);
        if (report.HealedAfter is { } healed) w.WriteNumber("healed_after_seconds", healed.TotalSeconds);
        if (report.RestartedAfter is { } restarted) w.WriteNumber("restarted_after_seconds", restarted.TotalSeconds);
        w.WriteNumber("operations", report.Operations);
        w.WriteNumber("operations_unknown", report.OperationsUnknown);
        w.WriteNumber("faults", report.Faults);
        w.WriteNumber("messages", report.Messages);
        w.WriteNumber("events", report.Events);
        w.WriteString("command", command);
        w.WriteStartArray("disks");
        foreach (DiskUse disk in report.Disks)
        {
            w.WriteStartObject();
            w.WriteString("node", disk.Node);
            w.WriteNumber("files", disk.Files);
            w.WriteNumber("syncs", disk.Syncs);
            w.WriteNumber("bytes", disk.Bytes);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteStartArray("violations");
        foreach (Violation violation in report.Violations)
        {
            w.WriteStartObject();
            w.WriteString("checker", violation.Checker);
            w.WriteNumber("at_seconds", violation.At.TotalSeconds);
            w.WriteString("what", violation.What);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteStartArray("undecided_keys");
        foreach (string key in report.UndecidedKeys) w.WriteStringValue(key);
        w.WriteEndArray();
        w.WriteStartObject("counts");
        foreach ((string name, long count) in report.Counts) w.WriteNumber(name, count);
        w.WriteEndObject();
    });

    /// <summary>Many runs as JSON.</summary>
    public static string Json(SimulationSummary summary, TimeSpan took) => JsonOutput.Line(w =>
    {
        w.WriteNumber("runs", summary.Runs);
        w.WriteNumber("virtual_hours", summary.VirtualTime.TotalHours);
        w.WriteNumber("seconds", took.TotalSeconds);
        w.WriteNumber("operations", summary.Operations);
        w.WriteNumber("faults", summary.Faults);
        w.WriteStartArray("failed_seeds");
        foreach (ulong seed in summary.Failed) w.WriteNumberValue(seed);
        w.WriteEndArray();
        w.WriteStartArray("undecided_seeds");
        foreach (ulong seed in summary.Undecided) w.WriteNumberValue(seed);
        w.WriteEndArray();
        w.WriteStartObject("counts");
        foreach ((string name, long count) in summary.Counts) w.WriteNumber(name, count);
        w.WriteEndObject();
    });

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
