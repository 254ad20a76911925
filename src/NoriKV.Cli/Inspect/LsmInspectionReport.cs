using Nori.IO;
using Nori.Lsm;

namespace NoriKV.Cli.Inspect;

/// <summary>
/// <c>inspect manifest</c> and <c>inspect lsm</c>: the edits of an engine's manifest; its levels, tables and orphans. A
/// node's data directory has its engine inside.
/// </summary>
internal static class LsmInspectionReport
{
    public static InspectReport OfManifest(IFileSystem files, string path)
    {
        string directory = EngineOf(files, path);
        var report = new InspectReport(directory);
        Add(report, LsmInspector.InspectManifest(files, directory), edits: true);
        return report;
    }

    public static InspectReport Of(IFileSystem files, string path, bool verify)
    {
        string directory = EngineOf(files, path);
        var report = new InspectReport(directory);
        LsmInspection engine = LsmInspector.Inspect(files, directory, verify);
        var summary = new InspectTable("engine", "name", "value");
        summary.Add("store", engine.StoreId.ToString("N"));
        summary.Add("manifest", Path.GetFileName(engine.Manifest.Path));
        summary.Add("last sequence", $"{engine.LastSequence}");
        summary.Add("log from", engine.LogPosition);
        summary.Add("flushed watermark", $"{engine.FlushedWatermark}");
        summary.Add("orphans", string.Join(' ', engine.Orphans));
        report.Tables.Add(summary);
        report.Tables.Add(Levels(engine));
        report.Tables.Add(Tables(engine));
        // The damage of the manifest is among the engine's.
        Add(report, engine.Manifest with { Damage = engine.Damage }, edits: false);
        return report;
    }

    private static InspectTable Levels(LsmInspection engine)
    {
        var rows = new InspectTable("levels", "level", "tables", "bytes", "entries", "deletes");
        foreach (IGrouping<int, LsmTableInfo> level in engine.Tables.GroupBy(static t => t.Level))
        {
            rows.Add(
                level.Key, level.Count(), level.Sum(static t => t.Bytes), level.Sum(static t => t.Entries),
                level.Sum(static t => t.Deletes));
        }

        return rows;
    }

    private static InspectTable Tables(LsmInspection engine)
    {
        var rows = new InspectTable(
            "tables", "level", "file", "bytes", "entries", "deletes", "range deletes", "sequences", "ingested", "smallest",
            "largest");
        foreach (LsmTableInfo t in engine.Tables)
        {
            rows.Add(
                t.Level, Path.GetFileName(t.Path), t.Bytes, t.Entries, t.Deletes, t.RangeDeletes,
                $"{t.SmallestSequence}-{t.LargestSequence}", t.IsIngested, Preview.Of(t.Smallest.Span),
                Preview.Of(t.Largest.Span));
        }

        return rows;
    }

    private static void Add(InspectReport report, ManifestInspection manifest, bool edits)
    {
        if (edits)
        {
            var rows = new InspectTable("edits", "number", "offset", "change");
            foreach (ManifestEditInfo e in manifest.Edits) rows.Add(e.Number, e.Offset, e.Description);
            report.Tables.Add(rows);
        }

        foreach (long offset in manifest.HealedOffsets)
        {
            report.Findings.Add(new InspectFinding(
                "HealedCopy", manifest.Path, offset, "one of two copies is damaged; the other serves", false));
        }

        if (manifest.TornBytes > 0)
        {
            string what = $"{manifest.TornBytes} bytes behind the last whole edit: a write that a crash cut";
            report.Findings.Add(new InspectFinding("TornTail", manifest.Path, 0, what, false));
        }

        foreach (LsmDamage d in manifest.Damage)
        {
            report.Findings.Add(new InspectFinding("Corruption", d.File, d.Offset, d.Description, true));
        }
    }

    /// <summary>The engine's directory: the one given, or the one inside a node's data directory.</summary>
    public static string EngineOf(IFileSystem files, string path)
    {
        string directory = Path.GetFullPath(path);
        string inside = Path.Combine(directory, "engine");
        return files.DirectoryExists(inside) ? inside : directory;
    }
}
