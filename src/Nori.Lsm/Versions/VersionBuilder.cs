using Nori.Core;
using Nori.Lsm.Manifest;

namespace Nori.Lsm.Versions;

/// <summary>Applies edits to versions.</summary>
internal static class VersionBuilder
{
    /// <summary>The version after the edit; the caller owns a reference.</summary>
    public static LsmVersion Apply(LsmVersion from, VersionEdit edit, TableStore store, ulong[] snapshots)
    {
        var levels = new List<TableFile>[from.Levels.Length];
        for (int i = 0; i < levels.Length; i++) levels[i] = [.. from.Levels[i]];
        var removed = new Dictionary<ulong, TableFile>();
        foreach ((int level, ulong number) in edit.Removed)
        {
            int at = levels[level].FindIndex(file => file.Number == number);
            Invariant.Assert(at >= 0);
            removed[number] = levels[level][at];
            levels[level].RemoveAt(at);
        }

        var fresh = new List<TableFile>();
        foreach ((int level, TableMeta meta) in edit.Added)
        {
            // A table that only moves keeps its reader.
            if (!removed.TryGetValue(meta.Number, out TableFile? file))
            {
                file = new TableFile(meta, store);
                fresh.Add(file);
            }

            levels[level].Add(file);
        }

        var version = new LsmVersion(Sort(levels), snapshots);
        // The version holds them now.
        foreach (TableFile file in fresh) file.Release();
        return version;
    }

    private static TableFile[][] Sort(List<TableFile>[] levels)
    {
        var sorted = new TableFile[levels.Length][];
        for (int i = 0; i < levels.Length; i++)
        {
            sorted[i] = [.. levels[i]];
            if (i == 0) Array.Sort(sorted[i], NewestFirst);
            else Array.Sort(sorted[i], static (a, b) => a.Meta.Smallest.AsSpan().SequenceCompareTo(b.Meta.Smallest));
        }

        return sorted;
    }

    private static int NewestFirst(TableFile a, TableFile b)
    {
        int order = b.Meta.LargestSequence.CompareTo(a.Meta.LargestSequence);
        return order != 0 ? order : b.Number.CompareTo(a.Number);
    }
}
