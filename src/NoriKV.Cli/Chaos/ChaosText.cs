using System.Globalization;
using System.Text;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Chaos;

/// <summary>What <c>norikv chaos</c> prints.</summary>
internal static class ChaosText
{
    /// <summary>The table for people.</summary>
    public static string Summary(ChaosReport report)
    {
        var text = new StringBuilder();
        Line(text, "rounds", report.Rounds, $"{report.Took.TotalSeconds:0.0} s");
        Line(text, "operations", report.Counts.All, $"{report.Counts.All / report.Took.TotalSeconds:0} /s");
        Line(text, "  writes acknowledged", report.Counts.Acknowledged, $"");
        Line(text, "  reads answered", report.Counts.Read, $"");
        Line(text, "  conditions refused", report.Counts.Refused, $"");
        Line(text, "  writes unknown", report.Counts.Unknown, $"failed, or no answer in time");
        Line(text, "  reads failed", report.Counts.FailedReads, $"");
        string undecided = report.Undecided > 0 ? $", {report.Undecided} rounds undecided" : "";
        Line(text, "histories judged", report.KeysJudged, $"keys{undecided}");
        Line(text, "faults", report.Faults.Sum(static f => f.Count), $"");
        foreach ((ChaosFaults kind, int count) in report.Faults) Line(text, "  " + kind, count, $"");
        int flipped = report.Healed + report.Refused;
        if (flipped > 0) Line(text, "bits flipped", flipped, $"{report.Healed} served on, {report.Refused} refused and were mended");
        Times(text, "failovers", report.Failovers);
        Times(text, "healed, until all serve", report.Heals);
        Line(text, "violations", report.Violations.Count, $"");
        return text.ToString().TrimEnd('\n');
    }

    /// <summary>All of it on one line.</summary>
    public static string Json(ChaosReport report, ChaosOptions options, string command) => JsonOutput.Line(w =>
    {
        w.WriteNumber("seed", options.Seed);
        w.WriteNumber("nodes", options.Nodes);
        w.WriteBoolean("good", report.IsGood);
        w.WriteNumber("seconds", Math.Round(report.Took.TotalSeconds, 1));
        w.WriteNumber("rounds", report.Rounds);
        w.WriteNumber("operations", report.Counts.All);
        w.WriteNumber("acknowledged", report.Counts.Acknowledged);
        w.WriteNumber("reads", report.Counts.Read);
        w.WriteNumber("refused", report.Counts.Refused);
        w.WriteNumber("unknown", report.Counts.Unknown);
        w.WriteNumber("reads_failed", report.Counts.FailedReads);
        w.WriteNumber("keys_judged", report.KeysJudged);
        w.WriteNumber("rounds_undecided", report.Undecided);
        w.WriteNumber("flips_served", report.Healed);
        w.WriteNumber("flips_refused", report.Refused);
        w.WriteStartObject("faults");
        foreach ((ChaosFaults kind, int count) in report.Faults) w.WriteNumber(kind.ToString(), count);
        w.WriteEndObject();
        WriteTimes(w, "failover_ms", report.Failovers);
        WriteTimes(w, "heal_ms", report.Heals);
        w.WriteStartArray("violations");
        foreach (string violation in report.Violations) w.WriteStringValue(violation);
        w.WriteEndArray();
        w.WriteString("command", command);
    });

    /// <summary>A row for a table of runs.</summary>
    public static string Row(ChaosReport report, ChaosOptions options, string commit)
    {
        double median = Median(report.Failovers)?.TotalSeconds ?? 0;
        double worst = report.Failovers is [.., var last] ? last.TotalSeconds : 0;
        return Invariant($"| {commit} | {options.Seed} | {options.Nodes} | {report.Took.TotalMinutes:0.0} min | {report.Rounds} ")
            + Invariant($"| {report.Counts.All} | {report.Counts.Acknowledged} | {report.Counts.Unknown} ")
            + Invariant($"| {report.Faults.Sum(static f => f.Count)} | {median:0.00} / {worst:0.00} s | {report.Violations.Count} |");
    }

    /// <summary>The command that runs the same plan again.</summary>
    public static string Command(ChaosOptions options, string norikv)
    {
        string faults = options.Faults.ToString().Replace(" ", "", StringComparison.Ordinal);
        return Invariant($"{norikv} chaos --seed {options.Seed} --nodes {options.Nodes} --shards {options.Shards} ")
            + Invariant($"--seconds {options.Duration.TotalSeconds:0} --round {options.Round.TotalSeconds:0.###}s")
            + (options.Faults == ChaosFaults.All ? "" : $" --faults {faults}")
            + (options.ClockDrift == ChaosOptions.ClockDriftHeld ? "" : Invariant($" --clock-drift {options.ClockDrift}"));
    }

    public static TimeSpan? Median(IReadOnlyList<TimeSpan> sorted) => sorted.Count == 0 ? null : sorted[sorted.Count / 2];

    private static void Times(StringBuilder text, string what, IReadOnlyList<TimeSpan> sorted)
    {
        if (Median(sorted) is not { } median) return;
        Line(text, what, sorted.Count, $"median {median.TotalSeconds:0.00} s, worst {sorted[^1].TotalSeconds:0.00} s");
    }

    private static void WriteTimes(System.Text.Json.Utf8JsonWriter json, string name, IReadOnlyList<TimeSpan> sorted)
    {
        json.WriteStartArray(name);
        foreach (TimeSpan span in sorted) json.WriteNumberValue(Math.Round(span.TotalMilliseconds));
        json.WriteEndArray();
    }

    private static void Line(StringBuilder text, string what, long count, FormattableString note) =>
        text.Append(Invariant($"{what,-26} {count,9}  {Invariant(note)}").TrimEnd()).Append('\n');

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
