using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Cli.Formats;
using NoriKV.Cli.Transfer;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv export FILE</c>: all pairs, or a range, sorted by key, one a line; can be continued.</summary>
internal static class ExportCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "export",
            "Write pairs to a file sorted by key, one a line. Equal data gives equal bytes.",
            "norikv export all.jsonl",
            "norikv export users.tsv --prefix user:",
            "norikv export - --base64 | gzip > all.jsonl.gz",
            "norikv export all.jsonl --resume");
        ClientOptions client = ClientOptions.AddTo(command);
        var file = new Argument<string>("file") { Description = "The file; '-' for standard output" };
        var resume = new Option<bool>("--resume") { Description = "Go on behind the last whole line of the file" };
        var force = new Option<bool>("--force") { Description = "Replace the file if it exists" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress on standard error" };
        command.Arguments.Add(file);
        FormatOptions format = FormatOptions.AddTo(command);
        RangeOptions range = RangeOptions.AddTo(command);
        foreach (Option option in (Option[])[resume, force, quiet]) command.Options.Add(option);
        command.SetAction(async (parse, token) =>
        {
            string name = parse.GetValue(file)!;
            IRecordCodec codec = IRecordCodec.Create(format.Format(parse, name), format.Keys(parse), format.Values(parse));
            ScanOptions scan = range.Read(parse);
            bool goesOn = parse.GetValue(resume);
            if (name == "-" && goesOn) throw new UsageException("standard output cannot be continued");
            if (name != "-" && File.Exists(name) && !goesOn && !parse.GetValue(force))
            {
                throw new UsageException($"{name} exists: continue it with --resume or replace it with --force");
            }

            INoriKV store = await client.ConnectAsync(parse, host, token).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                bool quietly = parse.GetValue(quiet) || parse.GetValue(json);
                long records = name == "-"
                    ? await RunAsync(host, store, codec, scan, host.Output, quietly, token).ConfigureAwait(false)
                    : await ToFileAsync(host, store, codec, scan, name, goesOn, quietly, token).ConfigureAwait(false);
                if (parse.GetValue(json) && name != "-") host.WriteLine($$"""{"records":{{records}}}""");
                return ExitCode.Ok;
            }
        });
        return command;
    }

    private static async Task<long> ToFileAsync(
        CliHost host,
        INoriKV store,
        IRecordCodec codec,
        ScanOptions scan,
        string name,
        bool goesOn,
        bool quietly,
        CancellationToken cancellationToken)
    {
        var output = new FileStream(name, goesOn ? FileMode.OpenOrCreate : FileMode.Create, FileAccess.ReadWrite);
        await using (output.ConfigureAwait(false))
        {
            if (goesOn)
            {
                (byte[]? last, long there) =
                    await ExportResume.PrepareAsync(output, codec, cancellationToken).ConfigureAwait(false);
                if (last is not null)
                {
                    host.Error.WriteLine($"norikv: going on behind record {there} of {name}");
                    scan = Behind(scan, last);
                }
            }

            return await RunAsync(host, store, codec, scan, output, quietly, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<long> RunAsync(
        CliHost host,
        INoriKV store,
        IRecordCodec codec,
        ScanOptions scan,
        Stream output,
        bool quietly,
        CancellationToken cancellationToken)
    {
        // The whole is only worth counting for somebody who watches.
        long? total = host.ErrorIsTerminal && !quietly
            ? await store.CountAsync(scan, cancellationToken).ConfigureAwait(false)
            : null;
        var progress = new ProgressLine(host, "exported", quietly);
        var exporter = new Exporter(store, codec)
        {
            OnProgress = done => progress.Report(done, total > 0 ? (double)done / total.Value : null),
        };
        long records = await exporter.RunAsync(scan, output, cancellationToken).ConfigureAwait(false);
        progress.Finish(records);
        return records;
    }

    /// <summary>The rest of a scan behind a key.</summary>
    internal static ScanOptions Behind(ScanOptions scan, byte[] last) => scan with
    {
        Start = (byte[])[.. last, 0],
        End = scan.Prefix.IsEmpty ? scan.End : PrefixEnd(scan.Prefix.Span),
        Prefix = default,
    };

    // The first key behind all that begin with the prefix; empty when there is none (0xFF…).
    private static byte[] PrefixEnd(ReadOnlySpan<byte> prefix)
    {
        int length = prefix.LastIndexOfAnyExcept((byte)0xFF) + 1;
        if (length == 0) return [];
        byte[] end = prefix[..length].ToArray();
        end[^1]++;
        return end;
    }
}
