using Nori.IO;
using Nori.Lsm;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Inspect;

/// <summary><c>inspect scrub</c>: every byte of an engine's directory and of the log beside it, checked in steps.</summary>
internal static class ScrubInspection
{
    /// <summary>Reads until all is checked or the token cancels; the report then says how to go on.</summary>
    public static async Task<InspectReport> RunAsync(
        CliHost host, IFileSystem files, string path, LsmScrubOptions options, bool quiet, CancellationToken token)
    {
        string engine = LsmInspectionReport.EngineOf(files, path);
        string node = Path.GetFullPath(path);
        using IDisposable? nodeLock = TakeLock(files, node);
        using IDisposable? engineLock = node == engine ? null : TakeLock(files, engine);
        // A node's engine has no log of its own: the node's is beside it.
        string? log = node == engine ? null : Path.Combine(node, "log");
        using LsmScrubber scrubber = LsmScrubber.Open(files, engine, options, log);
        var progress = new ProgressLine(host, "checked", quiet, "MiB");
        while (!token.IsCancellationRequested && scrubber.RunOnce())
        {
            LsmScrubProgress now = scrubber.Progress;
            progress.Report(now.BytesChecked >> 20, now.BytesChecked / (double)Math.Max(1, now.BytesTotal));
            TimeSpan rest = scrubber.Rest();
            if (rest > TimeSpan.Zero) await RestAsync(rest, host.Time, token).ConfigureAwait(false);
        }

        LsmScrubReport report = scrubber.Report();
        progress.Finish(report.BytesChecked >> 20);
        return ToReport(engine, report);
    }

    private static InspectReport ToReport(string engine, LsmScrubReport scrubbed)
    {
        var report = new InspectReport(engine);
        var summary = new InspectTable("scrub", "tables", "log segments", "bytes", "complete", "through table");
        summary.Add(
            scrubbed.Tables, scrubbed.Segments, scrubbed.BytesChecked, scrubbed.IsComplete, scrubbed.Position.TablesThrough);
        report.Tables.Add(summary);
        foreach (LsmScrubFinding f in scrubbed.Findings)
        {
            report.Findings.Add(new InspectFinding(
                f.IsDamage ? "Corruption" : "Note", f.File, f.Offset, f.Description, f.IsDamage));
        }

        return report;
    }

    /// <summary>A directory in use changes while it is read: its owner scrubs it. Without a LOCK nobody ever opened it.</summary>
    private static IDisposable? TakeLock(IFileSystem files, string directory)
    {
        if (!files.FileExists(Path.Combine(directory, "LOCK"))) return null;
        try
        {
            return files.LockDirectory(directory);
        }
        catch (DirectoryLockedException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static async Task RestAsync(TimeSpan rest, TimeProvider time, CancellationToken token)
    {
        try
        {
            await Task.Delay(rest, time, token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // What was checked so far is reported.
        }
    }
}
