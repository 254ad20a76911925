using NoriKV.Cli.Console;
using NoriKV.Cli.Transfer;
using NoriKV.Client;

namespace NoriKV.Cli.Commands;

/// <summary>One import from the command line: resume, progress, bad lines, and what is said at the end.</summary>
internal sealed class ImportRun(CliHost host, ImportOptions options)
{
    public bool Restart { get; init; }

    public required string Checkpoint { get; init; }

    public bool Quiet { get; init; }

    public bool Json { get; init; }

    /// <summary>Imports; null for <paramref name="file"/> means standard input, which cannot be resumed.</summary>
    public async Task<int> ExecuteAsync(INoriKV store, FileStream? file, string name, CancellationToken cancellationToken)
    {
        ImportProgress from = Resume(file, name);
        var progress = new ProgressLine(host, "imported", Quiet);
        var importer = new Importer(store, options, host.Time)
        {
            OnBadLine = bad => host.Error.WriteLine($"norikv: {name} line {bad.Number}: {bad.Reason}"),
            OnProgress = done => progress.Report(
                done.Records - from.Records, file is { Length: > 0 } f ? (double)done.Offset / f.Length : null),
            OnCheckpoint = done =>
            {
                if (file is not null) ImportCheckpoint.Save(Checkpoint, file, done);
            },
        };
        bool whole = await RunAsync(importer, file ?? host.Input, from, cancellationToken).ConfigureAwait(false);
        progress.Finish(importer.Done.Records - from.Records);
        if (whole && file is not null) File.Delete(Checkpoint);
        if (Json)
        {
            host.WriteLine(JsonOutput.Line(w =>
            {
                w.WriteNumber("records", importer.Done.Records);
                w.WriteNumber("bad_lines", importer.Done.BadLines + (whole ? 0 : 1));
                w.WriteNumber("lines", importer.Done.Line);
                w.WriteBoolean("complete", whole);
            }));
        }

        if (!whole) host.Error.WriteLine("norikv: stopped at a bad line; mend it, or go on with --skip-bad-lines");
        return whole && importer.Done.BadLines == 0 ? ExitCode.Ok : ExitCode.No;
    }

    private async Task<bool> RunAsync(
        Importer importer, Stream input, ImportProgress from, CancellationToken cancellationToken)
    {
        try
        {
            return await importer.RunAsync(input, from, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NoriKVException or OperationCanceledException)
        {
            host.Error.WriteLine(
                $"norikv: {importer.Done.Records} records are in, up to line {importer.Done.Line}"
                + (input is FileStream ? "; the same command goes on from there" : ""));
            throw;
        }
    }

    private ImportProgress Resume(FileStream? file, string name)
    {
        if (file is null || Restart || !ImportCheckpoint.TryLoad(Checkpoint, file, out ImportProgress from)) return default;
        file.Position = from.Offset;
        host.Error.WriteLine($"norikv: resuming {name} behind line {from.Line} ({from.Records} records are in)");
        return from;
    }
}
