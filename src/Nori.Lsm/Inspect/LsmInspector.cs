using System.Globalization;
using Nori.IO;
using Nori.Lsm.Manifest;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm;

/// <summary>
/// Shows an engine's directory without changing it, damage included; also while an engine has it open.
/// </summary>
public static class LsmInspector
{
    /// <summary>The manifest that CURRENT names, edit by edit.</summary>
    public static ManifestInspection InspectManifest(IFileSystem fileSystem, string directory)
    {
        string path = string.Empty;
        try
        {
            ulong number = CurrentFile.Read(fileSystem, directory);
            path = Path.Combine(directory, FileNames.Manifest(number));
            ManifestReader reader = ManifestReader.Read(fileSystem, path);
            return new ManifestInspection
            {
                Path = path,
                Number = reader.Number,
                Edits = [.. reader.Edits.Select(
                    (edit, i) => new ManifestEditInfo((ulong)i + 1, edit.Offset, Describe(edit.Edit)))],
                Bytes = reader.Bytes,
                TornBytes = reader.TornBytes,
                HealedOffsets = reader.Healed,
            };
        }
        catch (CorruptionException e)
        {
            return new ManifestInspection { Path = path, Damage = [ToDamage(e)] };
        }
        catch (StorageException e)
        {
            return new ManifestInspection { Path = path, Damage = [new LsmDamage(e.Path, 0, e.Message)] };
        }
    }

    /// <summary>Manifest, tables and orphans, and whether the log begins where the tables end; its contents are a scrub's.</summary>
    /// <param name="fileSystem">Where the directory lies.</param>
    /// <param name="directory">The engine's directory.</param>
    /// <param name="verify">Reads and checks every block of every table, too.</param>
    public static LsmInspection Inspect(IFileSystem fileSystem, string directory, bool verify = false)
    {
        LogSegments log = LogSegments.List(fileSystem, directory);
        ManifestInspection manifest = InspectManifest(fileSystem, directory);
        var damage = new List<LsmDamage>(manifest.Damage);
        StoredState? state = null;
        try
        {
            if (damage.Count == 0) state = StoredState.Read(fileSystem, directory);
        }
        catch (CorruptionException e)
        {
            damage.Add(ToDamage(e));
        }

        if (state is null) return new LsmInspection { Directory = directory, Manifest = manifest, Damage = damage };
        // Asked twice: an engine that is opened meanwhile may make its log between the list and the manifest.
        if (log.Check(state.LogPosition) is not null
            && LogSegments.List(fileSystem, directory).Check(state.LogPosition) is { } missing)
        {
            damage.Add(ToDamage(missing));
        }

        var tables = new List<LsmTableInfo>();
        foreach ((int level, TableMeta meta) in state.Tables.Values
            .OrderBy(t => t.Level).ThenBy(t => t.Meta.Smallest, KeyComparer.Instance))
        {
            LsmTableInfo table = ToInfo(directory, level, meta);
            tables.Add(table);
            CheckTable(fileSystem, table, verify, damage);
        }

        return new LsmInspection
        {
            Directory = directory,
            Manifest = manifest,
            StoreId = state.StoreId,
            LastSequence = state.LastSequence,
            LogPosition = state.LogPosition.ToString(),
            FlushedWatermark = state.FlushedWatermark,
            Tables = tables,
            Orphans = state.Orphans,
            Damage = damage,
        };
    }

    private static void CheckTable(IFileSystem fileSystem, LsmTableInfo table, bool verify, List<LsmDamage> damage)
    {
        try
        {
            using TableReader reader = TableReader.Open(fileSystem, table.Path, new TableReaderOptions { PrivateCacheBytes = 0 });
            if (reader.Properties.FileBytes != table.Bytes)
                damage.Add(new LsmDamage(table.Path, reader.Properties.FileBytes, $"expected {table.Bytes} bytes"));
            if (verify) reader.VerifyChecksums();
        }
        catch (CorruptionException e)
        {
            damage.Add(ToDamage(e));
        }
        catch (StorageException e)
        {
            damage.Add(new LsmDamage(e.Path, 0, e.Message));
        }
    }

    private static LsmTableInfo ToInfo(string directory, int level, TableMeta meta) => new(
        level, meta.Number, Path.Combine(directory, FileNames.Table(meta.Number)), meta.Bytes, meta.Entries, meta.Deletes,
        meta.RangeDeletes, meta.SmallestSequence, meta.LargestSequence, meta.GlobalSequence != 0, meta.Smallest, meta.Largest);

    private static LsmDamage ToDamage(CorruptionException e) => new(e.File, e.Offset, $"expected {e.Expected}, found {e.Actual}");

    private static string Describe(VersionEdit edit)
    {
        var parts = new List<string>();
        if (edit.StoreId is { } id) parts.Add($"store {id:N}");
        if (edit.Levels is { } levels) parts.Add(string.Create(CultureInfo.InvariantCulture, $"levels {levels}"));
        if (edit.NextFileNumber is { } next) parts.Add($"next file {next}");
        if (edit.LastSequence is { } last) parts.Add($"last sequence {last}");
        if (edit.LogPosition is { } position) parts.Add($"log from {position}");
        if (edit.LogDurable is { } durable) parts.Add($"log durable to {durable}");
        if (edit.FlushedWatermark is { } watermark) parts.Add($"watermark {watermark}");
        foreach ((int level, ulong number) in edit.Removed) parts.Add($"-{number}@L{level}");
        foreach ((int level, TableMeta meta) in edit.Added) parts.Add($"+{meta.Number}@L{level} ({meta.Bytes} bytes)");
        return string.Join(", ", parts);
    }
}
