using Nori.Lsm.Memtables;
using Nori.Lsm.Versions;

namespace Nori.Lsm.Compaction;

/// <summary>Writes a sealed memtable as one table of level 0.</summary>
internal static class FlushJob
{
    /// <summary>Writes and syncs the table and its name; null when nothing of the memtable is needed.</summary>
    public static TableMeta? Run(
        Memtable memtable, LsmOptions options, TableStore store, ulong[] snapshots,
        EntryMerger.ExpiryCutoff cutoff, ulong fileNumber, out long expired)
    {
        expired = 0;
        using MemtableIterator input = memtable.NewIterator();
        // Deeper levels may hold anything as far as a flush knows, so tombstones stay (below: null).
        var merger = new EntryMerger(
            input, RangeTombstoneSet.Build(memtable.TombstoneList(), snapshots), snapshots, below: null, outputLevel: 0, cutoff);
        if (!merger.Valid && memtable.RangeDeletes == 0) return null;
        using var output = new TableOutput(options, store, fileNumber, level: 0);
        TableMeta? meta = null;
        try
        {
            for (; merger.Valid; merger.Next()) output.Add(merger.Key, merger.TrailerValue, merger.Value);
            expired = merger.EntriesExpired;
            merger.WriteRangeTombstones(null, null, output.AddRangeDelete);
            meta = output.Finish();
            // Before the manifest names it: a crash must not leave a manifest without its table.
            options.FileSystem.SyncDirectory(options.Directory);
            return meta;
        }
        catch
        {
            // Or each try would leave a whole table behind until the next opening.
            if (meta is null) output.Abandon();
            else store.Enqueue(fileNumber);
            throw;
        }
    }
}
