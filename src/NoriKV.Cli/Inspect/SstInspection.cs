using Nori.IO;
using Nori.Lsm;
using Nori.SSTable;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Inspect;

/// <summary><c>inspect sst</c>: the blocks, properties and damages of one table or of all in a directory.</summary>
internal static class SstInspection
{
    public static InspectReport Of(IFileSystem files, string path, bool entries)
    {
        string full = Path.GetFullPath(path);
        return files.DirectoryExists(full)
            ? OfDirectory(files, LsmInspectionReport.EngineOf(files, full))
            : OfFile(files, full, entries);
    }

    private static InspectReport OfDirectory(IFileSystem files, string directory)
    {
        var report = new InspectReport(directory);
        var tables = new InspectTable(
            "tables", "file", "bytes", "entries", "deletes", "range deletes", "data blocks", "compression", "smallest",
            "largest", "sound");
        report.Tables.Add(tables);
        bool isEngine = files.FileExists(Path.Combine(directory, "CURRENT"));
        IReadOnlyList<string> orphans = isEngine ? LsmInspector.Inspect(files, directory).Orphans : [];
        foreach (string name in files.List(directory).Where(static n => n.EndsWith(".sst", StringComparison.Ordinal)))
        {
            string path = Path.Combine(directory, name);
            if (orphans.Contains(name))
            {
                // Begun and given up, or replaced: its bytes mean nothing, hence cannot be damaged.
                report.Findings.Add(new InspectFinding(
                    "Orphan", path, 0, "orphan (deleted at the next open): no manifest names it", false));
                continue;
            }

            TableInspection table = TableInspector.Inspect(files, path);
            TableProperties p = table.Properties ?? new TableProperties();
            tables.Add(
                name, table.FileBytes, p.Entries, p.Deletes, p.RangeDeletes, p.DataBlocks, p.Compression,
                Preview.Of(p.SmallestKey.Span), Preview.Of(p.LargestKey.Span), table.IsSound);
            AddDamage(report, table);
        }

        // "Sound" must not be said of what nobody looked at.
        if (tables.Rows.Count == 0 && !isEngine)
            throw new UsageException($"there is no table file in {directory}");
        return report;
    }

    private static InspectReport OfFile(IFileSystem files, string path, bool entries)
    {
        TableInspection table = TableInspector.Inspect(files, path);
        var report = new InspectReport(path);
        report.Tables.Add(Properties(table));
        var blocks = new InspectTable("blocks", "offset", "role", "stored bytes", "bytes", "compression", "entries", "damage");
        foreach (TableBlockInfo b in table.Blocks)
        {
            blocks.Add(b.Offset, b.Role, b.StoredBytes, b.UncompressedBytes, b.Compression, b.Entries, b.Damage ?? "");
        }

        report.Tables.Add(blocks);
        if (entries) report.Tables.Add(Entries(files, path));
        AddDamage(report, table);
        return report;
    }

    private static InspectTable Properties(TableInspection table)
    {
        var rows = new InspectTable("properties", "name", "value");
        rows.Add("file bytes", $"{table.FileBytes}");
        rows.Add("format version", $"{table.FormatVersion}");
        if (table.Properties is not { } p) return rows;
        rows.Add("entries", $"{p.Entries}");
        rows.Add("distinct keys", $"{p.DistinctKeys}");
        rows.Add("deletes", $"{p.Deletes}");
        rows.Add("expiring entries", $"{p.ExpiringEntries}");
        rows.Add("range deletes", $"{p.RangeDeletes}");
        rows.Add("raw key bytes", $"{p.RawKeyBytes}");
        rows.Add("raw value bytes", $"{p.RawValueBytes}");
        rows.Add("data bytes", $"{p.DataBytes}");
        rows.Add("index bytes", $"{p.IndexBytes}");
        rows.Add("filter bytes", $"{p.FilterBytes}");
        rows.Add("sequences", $"{p.SmallestSequence} to {p.LargestSequence}");
        rows.Add("smallest key", Preview.Of(p.SmallestKey.Span));
        rows.Add("largest key", Preview.Of(p.LargestKey.Span));
        return rows;
    }

    private static InspectTable Entries(IFileSystem files, string path)
    {
        var rows = new InspectTable("entries", "block", "key", "sequence", "kind", "value bytes", "value");
        try
        {
            foreach (TableEntryInfo e in TableInspector.ReadEntries(files, path))
            {
                rows.Add(e.BlockOffset, Preview.Of(e.Key.Span), e.Sequence, e.Kind, e.Value.Length, Preview.Of(e.Value.Span));
            }
        }
        catch (CorruptionException)
        {
            // The footer or the top index: named among the findings already.
        }

        return rows;
    }

    private static void AddDamage(InspectReport report, TableInspection table)
    {
        foreach (TableDamage d in table.Damage)
        {
            report.Findings.Add(new InspectFinding("Corruption", table.Path, d.Offset, d.Description, true));
        }
    }
}
