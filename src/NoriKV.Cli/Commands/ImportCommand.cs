using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Cli.Transfer;
using NoriKV.Client;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv import FILE</c>: records of a file or of standard input, resumable.</summary>
internal static class ImportCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "import",
            "Write the records of a file, one a line. An interrupted import of a file resumes where it was.",
            "norikv import packages.jsonl",
            "norikv import table.tsv --base64",
            "zcat dump.jsonl.gz | norikv import -",
            "norikv import people.jsonl --skip-bad-lines");
        ClientOptions client = ClientOptions.AddTo(command);
        var file = new Argument<string>("file") { Description = "The file; '-' for standard input" };
        var concurrency = new Option<int>("--concurrency")
        {
            Description = "Writes in flight",
            DefaultValueFactory = static _ => 256,
        };
        var skip = new Option<bool>("--skip-bad-lines")
        {
            Description = "Report bad lines and go on; the exit code is still 1",
        };
        var restart = new Option<bool>("--restart") { Description = "Begin anew, whatever an earlier run left" };
        var checkpoint = new Option<string?>("--checkpoint")
        {
            Description = "Where to keep how far it is [default: FILE.norikv-import]",
            HelpName = "file",
        };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress on standard error" };
        command.Arguments.Add(file);
        FormatOptions format = FormatOptions.AddTo(command);
        foreach (Option option in (Option[])[concurrency, skip, restart, checkpoint, quiet]) command.Options.Add(option);
        command.SetAction(async (parse, token) =>
        {
            string name = parse.GetValue(file)!;
            var options = new ImportOptions
            {
                Format = format.Format(parse, name),
                Keys = format.Keys(parse),
                Values = format.Values(parse),
                Concurrency = parse.GetValue(concurrency),
                SkipBadLines = parse.GetValue(skip),
            };
            if (options.Concurrency is < 1 or > 65_536) throw new UsageException("--concurrency must be 1 to 65536");
            var run = new ImportRun(host, options)
            {
                Restart = parse.GetValue(restart),
                Checkpoint = parse.GetValue(checkpoint) ?? ImportCheckpoint.PathOf(name),
                Quiet = parse.GetValue(quiet) || parse.GetValue(json),
                Json = parse.GetValue(json),
            };
            FileStream? input = name == "-" ? null : File.OpenRead(name);
            await using (input)
            {
                INoriKV store = await client.ConnectAsync(
                    parse, host, token, o => o with { InFlightMax = Math.Max(o.InFlightMax, options.Concurrency) })
                    .ConfigureAwait(false);
                await using (store.ConfigureAwait(false))
                {
                    return await run.ExecuteAsync(store, input, name, token).ConfigureAwait(false);
                }
            }
        });
        return command;
    }
}
