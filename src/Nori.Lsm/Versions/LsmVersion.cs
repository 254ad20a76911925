using Nori.Core;

namespace Nori.Lsm.Versions;

/// <summary>
/// The tables as of one manifest edit, immutable. Level 0 from new to old, its tables may overlap; the others
/// by key,
/// disjoint, and no user key lies in two tables of a level.
/// </summary>
internal sealed class LsmVersion : RefCounted
{
    private readonly ulong[] _snapshots;
    private readonly long[] _bytes;
    private RangeTombstoneSet? _tombstones;

    /// <summary>Takes a reference on every table.</summary>
    /// <param name="levels">Sorted as above.</param>
    /// <param name="snapshots">Rising; the snapshots that may read this version and are older than it.</param>
    public LsmVersion(TableFile[][] levels, ulong[] snapshots)
    {
        Levels = levels;
        _snapshots = snapshots;
        _bytes = [.. levels.Select(static level => level.Sum(static file => file.Meta.Bytes))];
        foreach (TableFile[] level in levels)
            foreach (TableFile file in level) file.Acquire();
        HasRangeDeletes = levels.Any(level => level.Any(file => file.Meta.RangeDeletes > 0));
        CheckInvariants();
    }

    public TableFile[][] Levels { get; }

    public bool HasRangeDeletes { get; }

    public IEnumerable<TableFile> Files => Levels.SelectMany(level => level);

    public int DeepestLevel
    {
        get
        {
            int deepest = 0;
            for (int i = 0; i < Levels.Length; i++)
                if (Levels[i].Length > 0) deepest = i;
            return deepest;
        }
    }

    /// <summary>
    /// The range tombstones of all tables as one set; built by the first reader that needs it.
    /// </summary>
    public RangeTombstoneSet RangeTombstones()
    {
        if (!HasRangeDeletes) return RangeTombstoneSet.Empty;
        RangeTombstoneSet? known = Volatile.Read(ref _tombstones);
        if (known is not null) return known;
        var all = new List<RangeTombstone>();
        foreach (TableFile file in Files) all.AddRange(file.RangeTombstones());
        RangeTombstoneSet built = RangeTombstoneSet.Build(all, _snapshots);
        Volatile.Write(ref _tombstones, built);
        return built;
    }

    public long BytesOf(int level) => _bytes[level];

    /// <summary>
    /// The index of the first table of a level ≥ 1 that does not end before the key; the length when none.
    /// </summary>
    public static int FindTable(TableFile[] level, ReadOnlySpan<byte> key)
    {
        int low = 0, high = level.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (level[middle].Meta.EndsBefore(key)) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>The tables of a level that overlap [first, last]; null bounds are open.</summary>
    public List<TableFile> Overlapping(int level, byte[]? first, byte[]? last)
    {
        var found = new List<TableFile>();
        foreach (TableFile file in Levels[level])
        {
            if (first is not null && file.Meta.EndsBefore(first)) continue;
            if (last is not null && file.Meta.Smallest.AsSpan().SequenceCompareTo(last) > 0) continue;
            found.Add(file);
        }

        return found;
    }

    /// <summary>Whether a table of a level deeper than <paramref name="level"/> may hold the key.</summary>
    public bool DeeperMayHold(int level, ReadOnlySpan<byte> key)
    {
        for (int i = level + 1; i < Levels.Length; i++)
        {
            int at = FindTable(Levels[i], key);
            if (at < Levels[i].Length && Levels[i][at].Meta.Contains(key)) return true;
        }

        return false;
    }

    /// <summary>
    /// Whether a table of a level deeper than <paramref name="level"/> overlaps [start, end).
    /// </summary>
    public bool DeeperOverlaps(int level, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        for (int i = level + 1; i < Levels.Length; i++)
        {
            int at = FindTable(Levels[i], start);
            if (at < Levels[i].Length && Levels[i][at].Meta.Smallest.AsSpan().SequenceCompareTo(end) < 0) return true;
        }

        return false;
    }

    protected override void OnUnreferenced()
    {
        foreach (TableFile file in Files) file.Release();
    }

    private void CheckInvariants()
    {
        TableFile[] newest = Levels[0];
        for (int i = 1; i < newest.Length; i++)
            Invariant.Assert(newest[i - 1].Meta.LargestSequence >= newest[i].Meta.LargestSequence);
        for (int level = 1; level < Levels.Length; level++)
        {
            TableFile[] files = Levels[level];
            for (int i = 1; i < files.Length; i++)
                Invariant.Assert(files[i - 1].Meta.EndsBefore(files[i].Meta.Smallest));
        }
    }
}
