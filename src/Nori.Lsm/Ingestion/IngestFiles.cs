using Nori.IO;
using Nori.Lsm.Compaction;
using Nori.Lsm.Manifest;
using Nori.Lsm.Memtables;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm.Ingestion;

/// <summary>External tables on their way into the engine.</summary>
internal sealed class IngestFiles(IFileSystem files, string directory, IReadOnlyList<string> paths)
{
    private const int VerifyStepBytes = 1 << 20;

    private readonly List<(string Path, TableMeta Meta)> _found = [];
    private readonly List<TableMeta> _metas = [];

    /// <summary>The tables that were linked.</summary>
    public IReadOnlyList<TableMeta> Metas => _metas;

    /// <summary>A manifest that names them was begun: even where writing it failed it may be the one in force.</summary>
    public bool MayBeNamed { get; set; }

    /// <summary>Looks into the tables; those that hold nothing are left out.</summary>
    public void Check(bool verify, CancellationToken ct)
    {
        foreach (string path in paths)
            if (Describe(path, verify, ct) is { } meta) _found.Add((path, meta));
        CheckDisjoint();
    }

    /// <summary>Links the tables, durable, under the engine's names.</summary>
    public void Link(Func<ulong> nextTableNumber)
    {
        foreach ((string path, TableMeta meta) in _found)
        {
            ulong number = nextTableNumber();
            files.HardLink(path, Path.Combine(directory, FileNames.Table(number)));
            _metas.Add(meta with { Number = number });
        }

        files.SyncDirectory(directory);
    }

    /// <summary>Takes the links back, and no other file.</summary>
    public void Unlink()
    {
        foreach (TableMeta meta in _metas)
        {
            try
            {
                files.Delete(Path.Combine(directory, FileNames.Table(meta.Number)));
            }
            catch (StorageException)
            {
                // An orphan: opening removes it.
            }
        }
    }

    public bool Overlaps(Memtable memtable)
    {
        if (memtable.IsEmpty) return false;
        using MemtableIterator entries = memtable.NewIterator();
        foreach (TableMeta meta in _metas)
        {
            entries.Seek(meta.Smallest, Trailer.SequenceMax);
            if (entries.Valid && meta.Contains(entries.UserKey)) return true;
            foreach (RangeTombstone tombstone in memtable.TombstoneList())
            {
                bool apart = meta.EndsBefore(tombstone.Start) || tombstone.End.AsSpan().SequenceCompareTo(meta.Smallest) <= 0;
                if (!apart) return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The deepest level where nothing in it or above it shares keys with the table, outputs to come of running compactions
    /// included: what is newer must lie above what is older.
    /// </summary>
    public int LevelFor(TableMeta meta, LsmVersion version, IReadOnlyCollection<CompactionPick> running)
    {
        int level = 0;
        if (version.Levels[0].Any(file => file.Meta.Overlaps(meta.Smallest, meta.Largest))) return 0;
        for (int next = 1; next < version.Levels.Length; next++)
        {
            if (version.Overlapping(next, meta.Smallest, meta.Largest).Count > 0) return level;
            int at = next;
            bool taken = running.Any(pick => at >= pick.Level && at <= pick.OutputLevel
                && pick.Smallest.AsSpan().SequenceCompareTo(meta.Largest) <= 0
                && pick.Largest.AsSpan().SequenceCompareTo(meta.Smallest) >= 0);
            if (taken) return level;
            level = next;
        }

        return level;
    }

    private TableMeta? Describe(string path, bool verify, CancellationToken ct)
    {
        // Synced here although its builder should have: the manifest must not name bytes that a power loss takes.
        using (IFile file = files.Open(path, FileOpen.ReadWrite)) file.Sync();
        using TableReader reader = TableReader.Open(files, path);
        if (verify) Verify(reader, ct);
        TableProperties properties = reader.Properties;
        if (properties.IsEmpty) return null;
        return new TableMeta
        {
            Number = 0,
            Bytes = properties.FileBytes,
            Smallest = properties.SmallestKey.ToArray(),
            Largest = properties.LargestKey.ToArray(),
            Entries = properties.Entries,
            Deletes = properties.Deletes,
            RangeDeletes = properties.RangeDeletes,
            Expiring = properties.ExpiringEntries,
        };
    }

    private static void Verify(TableReader reader, CancellationToken ct)
    {
        using TableVerifier verifier = reader.NewVerifier();
        while (verifier.RunOnce(VerifyStepBytes)) ct.ThrowIfCancellationRequested();
    }

    private void CheckDisjoint()
    {
        TableMeta[] sorted = [.. _found.Select(static found => found.Meta)];
        Array.Sort(sorted, static (a, b) => a.Smallest.AsSpan().SequenceCompareTo(b.Smallest));
        for (int i = 1; i < sorted.Length; i++)
        {
            if (!sorted[i - 1].EndsBefore(sorted[i].Smallest))
                throw new ArgumentException("the tables to ingest overlap each other", nameof(paths));
        }
    }
}
