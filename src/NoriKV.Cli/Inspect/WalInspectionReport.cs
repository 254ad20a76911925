using Nori.IO;
using Nori.Wal;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Inspect;

/// <summary><c>inspect wal</c>: segments, batches and records of a log; a node's data directory has its log inside.</summary>
internal static class WalInspectionReport
{
    public static InspectReport Of(IFileSystem files, string path, bool batches, bool records)
    {
        string directory = Path.GetFullPath(path);
        string inside = Path.Combine(directory, "log");
        if (files.DirectoryExists(inside)) directory = inside;
        if (files.FileExists(Path.Combine(directory, "CURRENT"))) throw new UsageException(EngineAdvice(files, directory));
        var report = new InspectReport(directory);
        var batchRows = new InspectTable("batches", "position", "bytes", "records", "closing", "durable");
        var recordRows = new InspectTable("records", "position", "type", "bytes", "payload");
        WalInspection log = WalInspector.Inspect(
            files,
            directory,
            batches ? b => batchRows.Add(b.Position, b.Bytes, b.Records, b.IsClosing, b.Durable) : null,
            records
                ? r => recordRows.Add(r.Position, (int)r.Type, r.Payload.Length, Preview.Of(r.Payload.Span))
                : null);
        var segments = new InspectTable("segments", "file", "epoch", "bytes", "used", "batches", "records", "durable");
        foreach (WalSegmentInspection s in log.Segments)
        {
            segments.Add(
                Path.GetFileName(s.File), s.Epoch.ToString("x16"), s.FileBytes, s.UsedBytes, s.Batches, s.Records, s.Durable);
        }

        var summary = new InspectTable("log", "name", "value");
        summary.Add("durable through", log.Durable.ToString());
        summary.Add("free files", $"{log.FreeFiles}");
        report.Tables.AddRange([summary, segments, batchRows, recordRows]);
        foreach (WalFinding f in log.Findings)
        {
            bool corrupt = f.Kind is WalFindingKind.Corruption or WalFindingKind.MissingSegment;
            report.Findings.Add(new InspectFinding(
                f.Kind.ToString(), f.File, f.Offset, $"expected {f.Expected}, found {f.Actual}", corrupt));
        }

        return report;
    }

    private static string EngineAdvice(IFileSystem files, string engine)
    {
        string own = Path.Combine(engine, "wal");
        return files.DirectoryExists(own)
            ? $"{engine} is an engine's directory; its log is beneath it: norikv inspect wal {own}"
            : $"{engine} is an engine's directory without a log of its own: give the log's directory, or the node's data directory";
    }
}
