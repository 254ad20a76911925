using System.CommandLine;
using Nori.IO;
using Nori.Lsm;
using NoriKV.Cli.Console;
using NoriKV.Cli.Inspect;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv inspect wal|sst|manifest|lsm|scrub PATH</c>: what files of the storage engine hold; changes nothing.</summary>
internal static class InspectCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "inspect",
            "Show what files of the storage engine hold, and where they are damaged: file and offset, exit code 1. "
            + "Changes nothing.",
            "norikv inspect wal DATA_DIR",
            "norikv inspect wal DATA_DIR --records",
            "norikv inspect sst DATA_DIR/engine/000012.sst --entries",
            "norikv inspect lsm DATA_DIR --json",
            "norikv inspect scrub DATA_DIR");
        command.Subcommands.Add(Wal(host, json));
        command.Subcommands.Add(Sst(host, json));
        command.Subcommands.Add(Manifest(host, json));
        command.Subcommands.Add(Lsm(host, json));
        command.Subcommands.Add(Scrub(host, json));
        return command;
    }

    private static ExampleCommand Wal(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "wal",
            "Segments of a write-ahead log, or of the log in a node's data directory.",
            "norikv inspect wal ./data",
            "norikv inspect wal ./data/log --batches --json");
        Argument<string> path = PathArgument(command, "The log's directory, or a node's data directory");
        var batches = new Option<bool>("--batches") { Description = "Each batch too" };
        var records = new Option<bool>("--records") { Description = "Each record too" };
        command.Options.Add(batches);
        command.Options.Add(records);
        command.SetAction(parse => Print(
            host,
            parse.GetValue(json),
            WalInspectionReport.Of(
                DiskFileSystem.Instance,
                Existing(parse.GetValue(path)!),
                parse.GetValue(batches),
                parse.GetValue(records))));
        return command;
    }

    private static ExampleCommand Sst(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "sst",
            "Blocks and properties of a table file, or one line for each table of an engine.",
            "norikv inspect sst ./data",
            "norikv inspect sst ./data/engine/000012.sst --entries");
        Argument<string> path = PathArgument(command, "A table file, the engine's directory, or a node's data directory");
        var entries = new Option<bool>("--entries") { Description = "Each entry of the file too" };
        command.Options.Add(entries);
        command.SetAction(parse => Print(
            host,
            parse.GetValue(json),
            SstInspection.Of(DiskFileSystem.Instance, Existing(parse.GetValue(path)!), parse.GetValue(entries))));
        return command;
    }

    private static ExampleCommand Manifest(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "manifest",
            "The edits of an engine's manifest, oldest first.",
            "norikv inspect manifest ./data");
        Argument<string> path = PathArgument(command, "The engine's directory, or a node's data directory");
        command.SetAction(parse => Print(
            host,
            parse.GetValue(json),
            LsmInspectionReport.OfManifest(DiskFileSystem.Instance, Existing(parse.GetValue(path)!))));
        return command;
    }

    private static ExampleCommand Lsm(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "lsm",
            "Levels and tables of an engine, and files that nothing refers to.",
            "norikv inspect lsm ./data",
            "norikv inspect lsm ./data --verify --json");
        Argument<string> path = PathArgument(command, "The engine's directory, or a node's data directory");
        var verify = new Option<bool>("--verify") { Description = "Check every block of every table too" };
        command.Options.Add(verify);
        command.SetAction(parse => Print(
            host,
            parse.GetValue(json),
            LsmInspectionReport.Of(
                DiskFileSystem.Instance, Existing(parse.GetValue(path)!), parse.GetValue(verify))));
        return command;
    }

    private static ExampleCommand Scrub(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "scrub",
            "Read and check every byte that an engine relies on: manifest, tables, log. For a directory that nobody has open.",
            "norikv inspect scrub ./data",
            "norikv inspect scrub ./data --rate 50 --json",
            "norikv inspect scrub ./data --from 812");
        Argument<string> path = PathArgument(command, "The engine's directory, or a node's data directory");
        var rate = new Option<double>("--rate") { Description = "MiB a second to read at most (default: as fast as the disk)" };
        var from = new Option<ulong>("--from")
        {
            Description = "Go on behind this table, where an interrupted run ended (through table)",
        };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress on standard error" };
        foreach (Option option in (Option[])[rate, from, quiet]) command.Options.Add(option);
        command.SetAction(async (parse, token) =>
        {
            double mebibytes = parse.GetValue(rate);
            if (mebibytes is < 0 or > 1e6) throw new UsageException("--rate must lie between 0 and 1,000,000");
            var options = new LsmScrubOptions
            {
                BytesPerSecond = (long)(mebibytes * (1 << 20)),
                From = new LsmScrubPosition(parse.GetValue(from)),
                Time = host.Time,
            };
            InspectReport report = await ScrubInspection.RunAsync(
                host, DiskFileSystem.Instance, Existing(parse.GetValue(path)!), options,
                parse.GetValue(quiet) || parse.GetValue(json), token).ConfigureAwait(false);
            int code = Print(host, parse.GetValue(json), report);
            return token.IsCancellationRequested ? ExitCode.Interrupted : code;
        });
        return command;
    }

    private static Argument<string> PathArgument(Command command, string description)
    {
        var path = new Argument<string>("path") { Description = description };
        command.Arguments.Add(path);
        return path;
    }

    private static string Existing(string path) => Path.Exists(path)
        ? path
        : throw new UsageException($"there is no file or directory {path}");

    private static int Print(CliHost host, bool json, InspectReport report)
    {
        host.WriteLine(json ? report.Json() : report.Text().TrimEnd('\n'));
        return report.IsCorrupt ? ExitCode.No : ExitCode.Ok;
    }
}
