using Nori.Core;
using Nori.IO;
using Nori.Lsm.Versions;
using Nori.Wal;

namespace Nori.Lsm.Manifest;

/// <summary>What a directory says: the manifest's edits added up, and the files that are there.</summary>
internal sealed class StoredState
{
    private readonly List<string> _orphans = [];

    public ulong ManifestNumber { get; private set; }

    public Guid StoreId { get; private set; } = Guid.NewGuid();

    public int Levels { get; private set; }

    public ulong NextFileNumber { get; private set; } = 1;

    /// <summary>Of all files there, orphans included: a number is not used twice.</summary>
    public ulong GreatestFileNumber { get; private set; }

    public ulong LastSequence { get; private set; }

    public WalPosition LogPosition { get; private set; }

    public WalPosition LogDurable { get; private set; }

    public ulong FlushedWatermark { get; private set; }

    public long TornBytes { get; private set; }

    public int Healed { get; private set; }

    public SortedDictionary<ulong, (int Level, TableMeta Meta)> Tables { get; } = [];

    /// <summary>Files of the engine's naming that nothing refers to.</summary>
    public IReadOnlyList<string> Orphans => _orphans;

    /// <summary>Reads without changing anything; an empty directory gives the state of a new engine.</summary>
    /// <exception cref="CorruptionException">CURRENT or the manifest is missing or damaged, or a table is
    /// missing.</exception>
    /// <param name="files">Where the directory lies.</param>
    /// <param name="directory">The engine's directory.</param>
    /// <param name="tablesMayMiss">True: the caller looks itself whether the tables are there.</param>
    public static StoredState Read(IFileSystem files, string directory, bool tablesMayMiss = false)
    {
        var state = new StoredState();
        IReadOnlyList<string> names = files.List(directory);
        if (names.Contains(FileNames.Current)) state.ReadManifest(files, directory, names);
        else state.CheckIsNew(directory, names);
        state.FindOrphans(names);
        if (!tablesMayMiss) state.CheckTables(directory, names);
        return state;
    }

    public VersionEdit ToEdit()
    {
        var edit = new VersionEdit();
        foreach ((int level, TableMeta meta) in Tables.Values) edit.Added.Add((level, meta));
        return edit;
    }

    /// <summary>Only after the manifest was read whole: before, nobody knows what is an orphan.</summary>
    public IReadOnlyList<string> DeleteOrphans(IFileSystem files, string directory)
    {
        foreach (string name in _orphans) files.Delete(Path.Combine(directory, name));
        return _orphans;
    }

    private void ReadManifest(IFileSystem files, string directory, IReadOnlyList<string> names)
    {
        ulong number = CurrentFile.Read(files, directory);
        string path = Path.Combine(directory, FileNames.Manifest(number));
        if (!names.Contains(FileNames.Manifest(number)))
            throw new CorruptionException(path, 0, "the manifest that CURRENT names", "no such file");
        ManifestReader reader = ManifestReader.Read(files, path);
        if (reader.Number != number)
            throw new CorruptionException(path, 0, $"manifest {number}", $"manifest {reader.Number}");
        ManifestNumber = number;
        TornBytes = reader.TornBytes;
        Healed = reader.Healed.Count;
        foreach ((VersionEdit edit, long offset) in reader.Edits) Apply(edit, path, offset);
    }

    private void Apply(VersionEdit edit, string path, long offset)
    {
        NextFileNumber = edit.NextFileNumber ?? NextFileNumber;
        LastSequence = Math.Max(LastSequence, edit.LastSequence ?? 0);
        LogPosition = edit.LogPosition ?? LogPosition;
        LogDurable = edit.LogDurable ?? LogDurable;
        FlushedWatermark = Math.Max(FlushedWatermark, edit.FlushedWatermark ?? 0);
        StoreId = edit.StoreId ?? StoreId;
        Levels = edit.Levels ?? Levels;
        foreach ((int level, ulong number) in edit.Removed)
        {
            if (!Tables.TryGetValue(number, out (int Level, TableMeta Meta) table) || table.Level != level)
                throw new CorruptionException(path, offset, $"a table {number} in level {level} to remove", "none");
            Tables.Remove(number);
        }

        foreach ((int level, TableMeta meta) in edit.Added)
        {
            if (level >= Levels || !Tables.TryAdd(meta.Number, (level, meta)))
            {
                throw new CorruptionException(
                    path, offset, $"a new table {meta.Number}", "one that is there, or a level that is not");
            }
        }
    }

    private void CheckIsNew(string directory, IReadOnlyList<string> names)
    {
        // A creation that crashed leaves a manifest without CURRENT, but never a table.
        string? table = names.FirstOrDefault(name => FileNames.TryParseTable(name, out _));
        if (table is not null)
        {
            throw new CorruptionException(
                Path.Combine(directory, FileNames.Current), 0, "CURRENT beside tables", $"none, but {table}");
        }
    }

    private void FindOrphans(IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            bool orphan = name == FileNames.CurrentTemporary;
            if (FileNames.TryParseTable(name, out ulong number)) orphan = !Tables.ContainsKey(number);
            else if (FileNames.TryParseManifest(name, out number)) orphan = number != ManifestNumber;
            GreatestFileNumber = Math.Max(GreatestFileNumber, number);
            if (orphan) _orphans.Add(name);
        }
    }

    private void CheckTables(string directory, IReadOnlyList<string> names)
    {
        var there = names.ToHashSet(StringComparer.Ordinal);
        foreach (ulong number in Tables.Keys)
        {
            string name = FileNames.Table(number);
            if (!there.Contains(name))
            {
                throw new CorruptionException(
                    Path.Combine(directory, name), 0, "a table that the manifest names", "no such file");
            }
        }

        foreach (int level in Tables.Values.Select(t => t.Level).Where(level => level > 0).Distinct())
            CheckDisjoint(directory, Tables.Values.Where(t => t.Level == level).Select(t => t.Meta));
    }

    private void CheckDisjoint(string directory, IEnumerable<TableMeta> metas)
    {
        TableMeta[] sorted = [.. metas];
        Array.Sort(sorted, static (a, b) => a.Smallest.AsSpan().SequenceCompareTo(b.Smallest));
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i - 1].EndsBefore(sorted[i].Smallest)) continue;
            string path = Path.Combine(directory, FileNames.Manifest(ManifestNumber));
            throw new CorruptionException(
                path, 0, "disjoint tables in a level", $"tables {sorted[i - 1].Number} and {sorted[i].Number} that overlap");
        }
    }
}
