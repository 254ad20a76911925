using System.CommandLine;
using NoriKV.Cli.Chaos;
using NoriKV.Cli.Chaos.Measures;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv chaos measure</c>: how long it takes a cluster to go on.</summary>
internal static class ChaosMeasureCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "measure",
            "Measure failover: leaders killed under load, leaders whose syncs stall, what a slow follower costs, what is done under ten "
            + "times too much load. Prints each figure beside its goal; exit code 1 when one is missed.",
            "norikv chaos measure",
            "norikv chaos measure --only kill --kills 5 --shards 64",
            "norikv chaos measure --json");
        Option<int> nodes = Number("--nodes", 3, "Nodes, each a process");
        Option<int> shards = Number("--shards", 1024, "Shards of the cluster");
        Option<int> kills = Number("--kills", 20, "Leaders killed");
        Option<int> stalls = Number("--stalls", 5, "Leaders whose syncs stall");
        var only = new Option<string?>("--only") { Description = $"Some of {string.Join(", ", MeasureOptions.All)}", HelpName = "a,b" };
        foreach (Option option in (Option[])[nodes, shards, kills, stalls, only]) command.Options.Add(option);
        command.SetAction(async (parse, token) =>
        {
            if (!OperatingSystem.IsLinux()) throw new UsageException("chaos needs Linux: it asks /proc who dials whom");
            var options = new MeasureOptions
            {
                Cluster = new ChaosOptions { Nodes = parse.GetValue(nodes), Shards = parse.GetValue(shards), Seed = 1 },
                Kills = parse.GetValue(kills),
                Stalls = parse.GetValue(stalls),
                Only = parse.GetValue(only)?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? MeasureOptions.All,
            };
            IReadOnlyList<string> problems = options.Validate();
            if (problems.Count > 0) throw new UsageException(string.Join("; ", problems));
            return await RunAsync(host, options, parse.GetValue(json), token).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> RunAsync(CliHost host, MeasureOptions options, bool asJson, CancellationToken token)
    {
        string folder = Directory.CreateTempSubdirectory("norikv-chaos-").FullName;
        try
        {
            var run = new MeasureRun(options, folder, line => host.Error.WriteLine(line), host.Time);
            IReadOnlyList<MeasureRow> rows = await run.RunAsync(token).ConfigureAwait(false);
            host.WriteLine(asJson ? Json(rows) : Table(rows));
            return rows.All(static r => r.IsMet) ? ExitCode.Ok : ExitCode.No;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Table(IReadOnlyList<MeasureRow> rows) => string.Join(
        '\n',
        ["| measured | here | goal | |", "|---|---|---|---|",
            .. rows.Select(static r => $"| {r.What} | {r.Figure} | {r.Goal} | {(r.IsMet ? "met" : "MISSED")} |")]);

    private static string Json(IReadOnlyList<MeasureRow> rows) => JsonOutput.Line(w =>
    {
        w.WriteStartArray("measures");
        foreach (MeasureRow row in rows)
        {
            w.WriteStartObject();
            w.WriteString("measured", row.What);
            w.WriteString("figure", row.Figure);
            w.WriteString("goal", row.Goal);
            w.WriteBoolean("met", row.IsMet);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    });

    private static Option<int> Number(string name, int value, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };
}
