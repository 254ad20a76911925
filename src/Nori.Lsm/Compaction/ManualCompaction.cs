using Nori.Lsm.Versions;

namespace Nori.Lsm.Compaction;

/// <summary>
/// Compacts a range down to the last level: level 0 at once, then each level table by table, and at last those
/// tables of
/// the deepest level, written before this began, that hold tombstones or expiring entries.
/// </summary>
internal sealed class ManualCompaction(byte[]? start, byte[]? end, ulong numberLimit)
{
    private int _level;

    // Of the level: the table that was given out last, and the last one that is done. What comes to lie before it, because level 0
    // is compacted between two steps, was written since this began.
    private TableMeta? _given;
    private TableMeta? _done;

    public TaskCompletionSource Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsDone { get; private set; }

    /// <summary>
    /// The next compaction of the range; null, and done, when there is none; null, and not done, when it has to wait for what
    /// runs. What is set apart is not waited for, it may stay so for ever: the range is compacted around it.
    /// </summary>
    public CompactionPick? Next(
        LsmVersion version, LsmOptions options, IReadOnlyCollection<CompactionPick> running, IReadOnlyCollection<CompactionPick> apart)
    {
        // Given up, for want of space or of handles, it is there still.
        if (_given is { } given && !Array.Exists(version.Levels[_level], file => file.Number == given.Number)) _done = given;
        _given = null;
        CompactionPick? pick = Next(version, options, apart);
        if (pick is not null && running.Any(pick.ConflictsWith)) return null;
        IsDone = pick is null;
        if (_level > 0) _given = pick?.Inputs[0].Meta;
        return pick;
    }

    private CompactionPick? Next(LsmVersion version, LsmOptions options, IReadOnlyCollection<CompactionPick> apart)
    {
        if (_level == 0)
        {
            // Until none of before this began is left, whatever was given up meanwhile; what was flushed since is not its concern.
            if (version.Overlapping(0, start, end).Any(file => file.Meta.Number < numberLimit))
            {
                CompactionPick pick = CompactionPicker.PickLevel0(version, options, LevelTargets.Of(version, options).BaseLevel);
                if (!apart.Any(pick.ConflictsWith)) return pick;
            }

            _level = 1;
        }

        int deepest = version.DeepestLevel;
        for (; _level < deepest; _level++, _done = null)
        {
            foreach (TableFile file in version.Overlapping(_level, start, end))
            {
                if (_done is { } done && !EndsBehind(file.Meta, done)) continue;
                CompactionPick pick = CompactionPicker.Make(version, options, _level, _level + 1, [file]) with { MayMove = false };
                if (!apart.Any(pick.ConflictsWith)) return pick;
            }
        }

        if (deepest > 0)
        {
            foreach (TableFile file in version.Overlapping(deepest, start, end))
            {
                TableMeta meta = file.Meta;
                if (meta.Number >= numberLimit || meta.Deletes + meta.RangeDeletes + meta.Expiring == 0) continue;
                CompactionPick pick = CompactionPicker.Make(version, options, deepest, deepest, [file]);
                if (!apart.Any(pick.ConflictsWith)) return pick;
            }
        }

        return null;
    }

    private static bool EndsBehind(TableMeta meta, TableMeta done)
    {
        int order = meta.Largest.AsSpan().SequenceCompareTo(done.Largest);
        return order > 0 || (order == 0 && done.LargestIsExclusive && !meta.LargestIsExclusive);
    }
}
