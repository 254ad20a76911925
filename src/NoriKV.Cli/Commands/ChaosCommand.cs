using System.CommandLine;
using System.Numerics;
using System.Runtime.InteropServices;
using NoriKV.Cli.Chaos;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv chaos</c>: a cluster of real processes to which everything happens, and what its clients saw.</summary>
internal sealed class ChaosCommand
{
    private static readonly string[] Kinds =
        [.. Enum.GetValues<ChaosFaults>().Where(static k => BitOperations.IsPow2((int)k)).Select(static k => k.ToString())];

    private readonly Option<string> _seconds = Text("--seconds", "60", "How long faults are injected: 60, 10m, 1h");
    private readonly Option<ulong?> _seed = new("--seed")
    {
        Description = "Where all faults and calls come from; a fresh one is printed",
    };

    private readonly Option<int> _nodes = Number("--nodes", 3, "Nodes, each a process");
    private readonly Option<int> _shards = Number("--shards", 16, "Shards of the cluster");
    private readonly Option<string?> _faults = new("--faults")
    {
        Description = $"What may happen: all, or a list of {string.Join(", ", Kinds)}",
        HelpName = "a,b",
    };

    private readonly Option<string> _round = Text("--round", "20s", "Faults of so long, then it is healed and judged");
    private readonly Option<string> _healBound = Text("--heal-bound", "60s", "A healed cluster must serve within this time");
    private readonly Option<double> _clockDrift = new("--clock-drift")
    {
        Description = "Percent by which clocks are fast or slow at most; leases hold for 5",
        DefaultValueFactory = _ => ChaosOptions.ClockDriftHeld,
    };

    private readonly Option<int> _callers = Number("--callers", 8, "Callers at once");
    private readonly Option<int> _rate = Number("--rate", 300, "Operations a second, all callers together");
    private readonly Option<string?> _directory = new("--data-dir")
    {
        Description = "Where nodes, their logs and histories are kept; a temporary directory otherwise, which stays after a violation",
        HelpName = "dir",
    };

    private readonly Option<string?> _report = new("--report") { Description = "Append a row to this file", HelpName = "file" };

    /// <summary>A run of which a part could not be judged is not known to be wrong, nor to be right.</summary>
    internal static int Outcome(ChaosReport report) =>
        !report.IsGood ? ExitCode.No : report.Undecided > 0 ? ExitCode.Usage : ExitCode.Ok;

    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "chaos",
            "Start a cluster of real processes on loopback, put load on it, and let processes, network, disks and clocks fail at random "
            + "from a seed; heal it, and judge: every history linearizable, nothing acknowledged lost, replicas equal, the cluster "
            + "serves again in time. Exit code 1 on a violation, 2 where a history could not be judged; then logs and histories are kept.",
            "norikv chaos",
            "norikv chaos --seconds 1h --nodes 5",
            "norikv chaos --seed 7 --faults Kill,Partition",
            "norikv chaos --seconds 10m --json --report chaos.md",
            "norikv chaos measure --only kill --kills 20");
        var a = new ChaosCommand();
        foreach (Option option in (Option[])
            [
                a._seconds, a._seed, a._nodes, a._shards, a._faults, a._round, a._healBound, a._clockDrift, a._callers, a._rate,
                a._directory, a._report,
            ])
            command.Options.Add(option);
        command.Subcommands.Add(ChaosMeasureCommand.Create(host, json));
        command.SetAction((parse, token) =>
        {
            if (!OperatingSystem.IsLinux()) throw new UsageException("chaos needs Linux: it asks /proc who dials whom");
            return RunAsync(host, a.Read(parse, host), parse.GetValue(a._report), parse.GetValue(json), token);
        });
        return command;
    }

    private static async Task<int> RunAsync(CliHost host, ChaosOptions options, string? file, bool asJson, CancellationToken token)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        string folder = options.Directory is { } named
            ? Directory.CreateDirectory(named).FullName
            : Directory.CreateTempSubdirectory("norikv-chaos-").FullName;
        bool keeps = options.Directory is not null;
        string replay = ChaosText.Command(options, host.Environment("NORI_LAUNCHER") ?? "norikv");
        host.Error.WriteLine($"norikv: {replay}");
        try
        {
            var run = new ChaosRun(options, folder, !keeps, r => Progress(host, options, r), host.Time);
            ChaosReport report = await run.RunAsync(stop.Token).ConfigureAwait(false);
            host.WriteLine(asJson ? ChaosText.Json(report, options, replay) : ChaosText.Summary(report));
            if (file is not null)
            {
                string row = ChaosText.Row(report, options, SimCommand.Commit()) + "\n";
                await File.AppendAllTextAsync(file, row, CancellationToken.None).ConfigureAwait(false);
            }

            int code = Outcome(report);
            if (code == ExitCode.Ok) return code;
            keeps = true;
            foreach (string violation in report.Violations) host.Error.WriteLine($"norikv: violation of {violation}");
            if (report.Undecided > 0)
            {
                host.Error.WriteLine(
                    $"norikv: {report.Undecided} rounds undecided: norikv check-history {folder}/undecided-*.jsonl --max-states N");
            }

            host.Error.WriteLine($"norikv: story, logs and histories: {folder}\nnorikv: the same plan again: {replay}");
            return code;
        }
        catch (IOException)
        {
            keeps = true;
            throw;
        }
        finally
        {
            if (!keeps) Directory.Delete(folder, recursive: true);
        }

        void OnSignal(PosixSignalContext signal)
        {
            if (stop.IsCancellationRequested) return;
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    private static void Progress(CliHost host, ChaosOptions options, ChaosReport report)
    {
        double rounds = Math.Max(1, Math.Round(options.Duration / options.Round));
        int faults = report.Faults.Sum(static f => f.Count);
        host.Error.WriteLine(FormattableString.Invariant($"round {report.Rounds} of {rounds}: ")
            + FormattableString.Invariant($"{report.Counts.All} operations, {faults} faults, {report.Violations.Count} violations"));
    }

    private ChaosOptions Read(ParseResult parse, CliHost host)
    {
        var options = new ChaosOptions
        {
            Seed = parse.GetValue(_seed) ?? (ulong)host.Time.GetUtcNow().ToUnixTimeSeconds(),
            Duration = Span(parse, _seconds),
            Round = Span(parse, _round),
            HealBound = Span(parse, _healBound),
            ClockDrift = parse.GetValue(_clockDrift),
            Nodes = parse.GetValue(_nodes),
            Shards = parse.GetValue(_shards),
            Callers = parse.GetValue(_callers),
            Rate = parse.GetValue(_rate),
            Faults = FaultsOf(parse.GetValue(_faults)),
            Directory = parse.GetValue(_directory),
        };
        if (options.Round > options.Duration) options = options with { Round = options.Duration };
        IReadOnlyList<string> problems = options.Validate();
        return problems.Count == 0 ? options : throw new UsageException(string.Join("; ", problems));
    }

    private static TimeSpan Span(ParseResult parse, Option<string> option) =>
        Durations.TryParse(parse.GetValue(option)!, out TimeSpan span) && span > TimeSpan.Zero
            ? span
            : throw new UsageException($"{option.Name}: {parse.GetValue(option)} is not a duration; write 500ms, 20s, 10m or 2h");

    private static ChaosFaults FaultsOf(string? text)
    {
        if (text is null) return ChaosFaults.All;
        return Enum.TryParse(text, ignoreCase: true, out ChaosFaults kinds) && (kinds & ~ChaosFaults.All) == 0
            ? kinds
            : throw new UsageException($"--faults: {text} is not a list of {string.Join(", ", Kinds)}");
    }

    private static Option<string> Text(string name, string value, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    private static Option<int> Number(string name, int value, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };
}
