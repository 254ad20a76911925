using System.CommandLine;
using System.Reflection;
using NoriKV.Cli.Console;
using NoriKV.Cli.Events;
using NoriKV.Cli.Sim;
using NoriKV.TestKit.Simulation;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv sim</c>: whole clusters in one thread and in virtual time, from a seed.</summary>
internal static class SimCommand
{
    private const int RowPeriodRuns = 50;

    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "sim",
            "Run a cluster of whole nodes in one thread and in virtual time while disk, network, clocks and processes fail, "
            + "and judge what its clients saw. Equal seeds give equal runs. Exit code 1 on a violation; 2 where there is none, but "
            + "whether all calls are linearizable was not decided within --max-states.",
            "norikv sim --seed 7",
            "norikv sim --seed 7 --record run.jsonl",
            "norikv sim --seed 1 --count 200 --nodes 5",
            "norikv sim --seed 7 --faults Crash,Partition --safety 10s --lines 1000",
            "norikv sim --seed 7 --without 3,4,9 --operations 40",
            "norikv sim --seed 1 --count 100 --scenario grow",
            "norikv sim --soak 10m --report docs/simulation.md");
        var arguments = new SimArguments();
        arguments.AddTo(command);
        command.SetAction(async (parse, token) =>
        {
            ulong fresh = (ulong)host.Time.GetUtcNow().ToUnixTimeSeconds() * 10_000;
            SimulationOptions options = arguments.Read(parse, fresh);
            int count = parse.GetValue(arguments.Count) ?? 1;
            if (count < 1) throw new UsageException("--count must be at least 1");
            TimeSpan? soak = SimArguments.Span(parse, arguments.Soak);
            if (soak is not null && parse.GetValue(arguments.Count) is not null)
                throw new UsageException("--soak runs until the time is over: leave out --count");
            int jobs = parse.GetValue(arguments.Jobs) ?? Environment.ProcessorCount;
            if (jobs < 1) throw new UsageException("--jobs must be at least 1");
            string? file = parse.GetValue(arguments.Report);
            bool asJson = parse.GetValue(json);
            bool isOne = count == 1 && soak is null && file is null;
            if (parse.GetValue(arguments.Record) is { } recording)
            {
                if (!isOne) throw new UsageException("--record is of one run: leave out --count, --soak and --report");
                using StreamWriter target = EventRecording.Create(recording);
                return One(host, options, asJson, target.WriteLine);
            }

            if (isOne) return One(host, options, asJson, null);
            return await ManyAsync(host, options, soak is null ? count : null, soak, file, jobs, asJson, token).ConfigureAwait(false);
        });
        return command;
    }

    private static int One(CliHost host, SimulationOptions options, bool asJson, Action<string>? record)
    {
        // Only this run is recorded, not those that look for a smaller one.
        SimulationReport report = ClusterSimulation.Run(options with { Record = record }) with { Options = options };
        if (!report.IsGood) Explain(host, report);
        host.WriteLine(asJson
            ? SimText.Json(report, SimText.Command(options, Norikv(host)))
            : SimText.Story(report).TrimEnd('\n'));
        if (!report.IsGood) return ExitCode.No;
        return report.UndecidedKeys.Count == 0 ? ExitCode.Ok : Undecided(host, [report.Options.Seed]);
    }

    private static async Task<int> ManyAsync(
        CliHost host, SimulationOptions options, int? count, TimeSpan? soak, string? file, int jobs, bool asJson,
        CancellationToken token)
    {
        var summary = new SimulationSummary();
        var progress = new SimProgress(host, asJson);
        SimulationReport? failed = null;
        var runner = new SeedRunner(options, jobs);
        var row = file is null ? null : new ReportRow(file, Commit(), SimText.Shape(options));
        try
        {
            await runner.RunAsync(
                begun => count is { } most ? begun < (ulong)most : progress.Elapsed < soak,
                report =>
                {
                    summary.Add(report, (report.Options.Seed - options.Seed) % 100 == 0);
                    if (!report.IsGood && !asJson)
                        host.Error.WriteLine($"seed {report.Options.Seed}: violation of {report.Violations[0].Checker}");
                    if (!report.IsGood && (failed is null || report.Options.Seed < failed.Options.Seed)) failed = report;
                    if (!report.IsGood || summary.Runs % RowPeriodRuns == 0) row?.Write(summary);
                    if (report.UndecidedKeys.Count > 0 && !asJson)
                        host.Error.WriteLine($"seed {report.Options.Seed}: undecided keys: {string.Join(", ", report.UndecidedKeys)}");
                    progress.Show(summary, count is { } most ? summary.Runs / (double)most : progress.Elapsed / soak!.Value);
                },
                token).ConfigureAwait(false);
        }
        finally
        {
            // Cut short by a signal or an exception: what ran, ran.
            if (summary.Runs > 0) row?.Write(summary);
            progress.End();
        }

        host.WriteLine(asJson ? SimText.Json(summary, progress.Elapsed) : SimText.Summary(summary, progress.Elapsed).TrimEnd('\n'));
        if (failed is null) return summary.Undecided.Count == 0 ? ExitCode.Ok : Undecided(host, summary.Undecided);
        Explain(host, failed);
        return ExitCode.No;
    }

    // Nothing is known to be wrong, nor that all is right.
    private static int Undecided(CliHost host, IReadOnlyList<ulong> seeds)
    {
        host.Error.WriteLine($"undecided keys in seed {string.Join(", ", seeds)}: allow more with --max-states");
        return ExitCode.Usage;
    }

    /// <summary>What broke, and the smallest run that shows it.</summary>
    private static void Explain(CliHost host, SimulationReport failed)
    {
        host.Error.WriteLine($"seed {failed.Options.Seed}: violation of {failed.Violations[0].Checker}: {failed.Violations[0].What}");
        host.Error.WriteLine($"replay: {SimText.Command(failed.Options, Norikv(host))}");
        SimulationReport smallest = SimulationMinimizer.Minimize(failed);
        host.Error.WriteLine(
            $"smaller ({smallest.Faults} faults, {smallest.Operations} operations): {SimText.Command(smallest.Options, Norikv(host))}");
    }

    /// <summary>The commit this was built from, short.</summary>
    internal static string Commit()
    {
        var attribute = typeof(SimCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
        string version = attribute?.InformationalVersion ?? "";
        int plus = version.IndexOf('+');
        return plus < 0 ? "unknown" : version[(plus + 1)..Math.Min(version.Length, plus + 13)];
    }

    private static string Norikv(CliHost host) => host.Environment("NORI_LAUNCHER") ?? "norikv";
}
