using Nori.Core;
using Nori.Lsm.Versions;

namespace Nori.Lsm.Compaction;

/// <summary>
/// Chooses what to compact next: the level most over its size, and in it the table that drags the least along.
/// </summary>
internal static class CompactionPicker
{
    private const int GrandparentOverlapFiles = 10;

    /// <summary>Null when every level is within its bounds.</summary>
    public static CompactionPick? Pick(LsmVersion version, LsmOptions options)
    {
        var targets = LevelTargets.Of(version, options);
        int level = -1;
        double best = 1;
        for (int i = 0; i < options.Levels - 1; i++)
        {
            double score = Score(version, options, targets, i);
            if (score < best || (level >= 0 && score <= best)) continue;
            best = score;
            level = i;
        }

        if (level < 0) return null;
        return level == 0 ? PickLevel0(version, options, targets.BaseLevel) : PickTable(version, options, level);
    }

    /// <summary>Bytes that must move until every level is within its bounds.</summary>
    public static long DebtBytes(LsmVersion version, LsmOptions options)
    {
        var targets = LevelTargets.Of(version, options);
        long debt = version.Levels[0].Length >= options.L0CompactionTrigger ? version.BytesOf(0) : 0;
        for (int i = 1; i < options.Levels - 1; i++)
        {
            long bytes = version.BytesOf(i);
            if (i < targets.BaseLevel) debt += bytes;
            else if (bytes > targets[i]) debt += bytes - targets[i];
        }

        return debt;
    }

    /// <summary>All of level 0 into the base level.</summary>
    public static CompactionPick PickLevel0(LsmVersion version, LsmOptions options, int baseLevel) =>
        Make(version, options, 0, baseLevel, version.Levels[0]);

    /// <summary>
    /// The inputs with what they overlap, from one level into a deeper (or, for rewriting, the same) one.
    /// </summary>
    public static CompactionPick Make(
        LsmVersion version, LsmOptions options, int level, int outputLevel, IReadOnlyList<TableFile> inputs)
    {
        Invariant.Assert(inputs.Count > 0);
        byte[] first = inputs[0].Meta.Smallest, last = inputs[0].Meta.Largest;
        foreach (TableFile file in inputs)
        {
            if (file.Meta.Smallest.AsSpan().SequenceCompareTo(first) < 0) first = file.Meta.Smallest;
            if (file.Meta.Largest.AsSpan().SequenceCompareTo(last) > 0) last = file.Meta.Largest;
        }

        IReadOnlyList<TableFile> overlapped = level == outputLevel ? [] : version.Overlapping(outputLevel, first, last);
        foreach (TableFile file in overlapped)
        {
            if (file.Meta.Smallest.AsSpan().SequenceCompareTo(first) < 0) first = file.Meta.Smallest;
            if (file.Meta.Largest.AsSpan().SequenceCompareTo(last) > 0) last = file.Meta.Largest;
        }

        IReadOnlyList<TableFile> grandparents =
            outputLevel + 1 < options.Levels ? version.Overlapping(outputLevel + 1, first, last) : [];
        long dragged = grandparents.Sum(file => file.Meta.Bytes);
        return new CompactionPick
        {
            Level = level,
            OutputLevel = outputLevel,
            Inputs = inputs,
            Overlapped = overlapped,
            Grandparents = grandparents,
            MayMove = level != outputLevel && overlapped.Count == 0 && AreDisjoint(inputs)
                && dragged <= GrandparentOverlapFiles * options.TargetFileBytes,
        };
    }

    public static long GrandparentBytesMax(LsmOptions options) => GrandparentOverlapFiles * options.TargetFileBytes;

    private static bool AreDisjoint(IReadOnlyList<TableFile> files)
    {
        TableFile[] sorted = [.. files];
        Array.Sort(sorted, static (a, b) => a.Meta.Smallest.AsSpan().SequenceCompareTo(b.Meta.Smallest));
        for (int i = 1; i < sorted.Length; i++)
            if (!sorted[i - 1].Meta.EndsBefore(sorted[i].Meta.Smallest)) return false;
        return true;
    }

    private static double Score(LsmVersion version, LsmOptions options, LevelTargets targets, int level)
    {
        if (level == 0) return version.Levels[0].Length / (double)options.L0CompactionTrigger;
        long bytes = version.BytesOf(level);
        if (bytes == 0) return 0;
        // A level above the base has nothing to hold: it drains first.
        if (level < targets.BaseLevel) return double.MaxValue;
        return bytes / (double)targets[level] is var score && score > 1 ? score : 0;
    }

    private static CompactionPick PickTable(LsmVersion version, LsmOptions options, int level)
    {
        TableFile[] files = version.Levels[level];
        TableFile[] next = version.Levels[level + 1];
        TableFile best = files[0];
        double least = double.MaxValue;
        int at = 0;
        foreach (TableFile file in files)
        {
            // Both levels are sorted, so one walk over the next level serves all tables.
            while (at < next.Length && next[at].Meta.EndsBefore(file.Meta.Smallest)) at++;
            long dragged = 0;
            for (int i = at; i < next.Length && next[i].Meta.Overlaps(file.Meta.Smallest, file.Meta.Largest); i++)
                dragged += next[i].Meta.Bytes;
            double ratio = dragged / (double)Math.Max(1, file.Meta.Bytes);
            if (ratio >= least) continue;
            least = ratio;
            best = file;
        }

        return Make(version, options, level, level + 1, [best]);
    }
}
