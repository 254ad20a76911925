using Nori.Lsm.Versions;

namespace Nori.Lsm.Compaction;

/// <summary>What to compact: tables of one level and those they overlap in the output level.</summary>
internal sealed record CompactionPick
{
    public required int Level { get; init; }

    public required int OutputLevel { get; init; }

    public required IReadOnlyList<TableFile> Inputs { get; init; }

    /// <summary>
    /// Tables of the output level that overlap the inputs; none when the levels are the same.
    /// </summary>
    public required IReadOnlyList<TableFile> Overlapped { get; init; }

    /// <summary>
    /// The output level's next deeper tables that overlap: an output that spans too many of them ends.
    /// </summary>
    public required IReadOnlyList<TableFile> Grandparents { get; init; }

    /// <summary>True when the table may be moved by a manifest edit alone.</summary>
    public bool MayMove { get; init; }

    /// <summary>True when several tables of level 0 become one there: older ones of the same keys may lie beside it.</summary>
    public bool IsWithinLevel0 => OutputLevel == 0;

    public long InputBytes => Inputs.Sum(file => file.Meta.Bytes) + Overlapped.Sum(file => file.Meta.Bytes);

    public byte[] Smallest =>
        Bound(static (a, b) => a.Meta.Smallest.AsSpan().SequenceCompareTo(b.Meta.Smallest) <= 0).Meta.Smallest;

    public byte[] Largest =>
        Bound(static (a, b) => a.Meta.Largest.AsSpan().SequenceCompareTo(b.Meta.Largest) >= 0).Meta.Largest;

    /// <summary>
    /// True when the two must not run side by side: they share keys, and a level that one of them reads, writes or
    /// jumps over. What is disjoint in either stays in the order of age, and outputs stay disjoint.
    /// </summary>
    public bool ConflictsWith(CompactionPick other) =>
        Level <= other.OutputLevel && other.Level <= OutputLevel
        && Smallest.AsSpan().SequenceCompareTo(other.Largest) <= 0
        && other.Smallest.AsSpan().SequenceCompareTo(Largest) <= 0;

    private TableFile Bound(Func<TableFile, TableFile, bool> wins)
    {
        TableFile best = Inputs[0];
        foreach (TableFile file in Inputs.Concat(Overlapped))
            if (wins(file, best)) best = file;
        return best;
    }
}
