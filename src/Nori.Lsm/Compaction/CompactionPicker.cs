using Nori.Core;
using Nori.Lsm.Versions;

namespace Nori.Lsm.Compaction;

/// <summary>
/// Chooses what to compact next: the level most over its size, and in it the table that drags the least along.
/// </summary>
internal static class CompactionPicker
{
    private const int GrandparentOverlapFiles = 10;

    // Of tables in the way of a compaction that runs; behind them another time.
    private const int PickTriesMax = 16;

    /// <summary>
    /// Null when every level is within its bounds, or what is not would get in the way of what runs already or is set apart.
    /// </summary>
    public static CompactionPick? Pick(
        LsmVersion version, LsmOptions options, IReadOnlyCollection<CompactionPick> running, IReadOnlyCollection<CompactionPick> apart)
    {
        var targets = LevelTargets.Of(version, options);
        double[] scores = new double[options.Levels - 1];
        for (int i = 0; i < scores.Length; i++) scores[i] = Score(version, options, targets, i);
        while (true)
        {
            int level = Best(scores);
            if (level < 0) return null;
            CompactionPick? pick = level > 0
                ? PickTable(version, options, level, [.. running, .. apart])
                : PickAtLevel0(version, options, targets.BaseLevel, apart);
            if (pick is not null && running.Any(pick.ConflictsWith)) pick = null;
            if (pick is not null) return pick;
            scores[level] = 0;
        }
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

    /// <summary>Level 0 now, whatever else is over its size; null when it would get in the way of what runs already.</summary>
    public static CompactionPick? PickFullLevel0(
        LsmVersion version, LsmOptions options, IReadOnlyCollection<CompactionPick> running, IReadOnlyCollection<CompactionPick> apart)
    {
        CompactionPick? pick = PickAtLevel0(version, options, LevelTargets.Of(version, options).BaseLevel, apart);
        return pick is not null && running.Any(pick.ConflictsWith) ? null : pick;
    }

    /// <summary>
    /// Level 0 into the base level. Where a table that is set apart is in the way, for as long as its owner takes, the newest
    /// tables of level 0 become one, so that writes go on: no older than what is set apart, of like sizes.
    /// </summary>
    private static CompactionPick? PickAtLevel0(
        LsmVersion version, LsmOptions options, int baseLevel, IReadOnlyCollection<CompactionPick> apart)
    {
        CompactionPick all = PickLevel0(version, options, baseLevel);
        if (!apart.Any(all.ConflictsWith)) return all;
        var inputs = new List<TableFile>();
        long bytes = 0;
        foreach (TableFile file in version.Levels[0])
        {
            if (apart.Any(other => other.Level == 0 && other.Inputs[0] == file)) break;
            if (inputs.Count >= options.L0CompactionTrigger && file.Meta.Bytes > bytes) break;
            inputs.Add(file);
            bytes += file.Meta.Bytes;
        }

        return inputs.Count >= Math.Max(2, options.L0CompactionTrigger) ? Make(version, options, 0, 0, inputs) : null;
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
                && dragged <= GrandparentBytesMax(options),
        };
    }

    public static long GrandparentBytesMax(LsmOptions options) =>
        options.TargetFileBytes > long.MaxValue / GrandparentOverlapFiles
            ? long.MaxValue
            : GrandparentOverlapFiles * options.TargetFileBytes;

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

    /// <summary>The level most over its size, the upper one of equals; −1 when none is.</summary>
    private static int Best(double[] scores)
    {
        int best = -1;
        for (int i = 0; i < scores.Length; i++)
            if (scores[i] >= 1 && (best < 0 || scores[i] > scores[best])) best = i;
        return best;
    }

    private static CompactionPick? Unless(CompactionPick pick, IReadOnlyCollection<CompactionPick> running) =>
        running.Any(pick.ConflictsWith) ? null : pick;

    private static CompactionPick? PickTable(
        LsmVersion version, LsmOptions options, int level, IReadOnlyCollection<CompactionPick> running)
    {
        TableFile[] files = version.Levels[level];
        TableFile[] next = version.Levels[level + 1];
        double[] ratios = new double[files.Length];
        int at = 0;
        for (int f = 0; f < files.Length; f++)
        {
            TableFile file = files[f];
            // Both levels are sorted, so one walk over the next level serves all tables.
            while (at < next.Length && next[at].Meta.EndsBefore(file.Meta.Smallest)) at++;
            long dragged = 0;
            for (int i = at; i < next.Length && next[i].Meta.Overlaps(file.Meta.Smallest, file.Meta.Largest); i++)
                dragged += next[i].Meta.Bytes;
            ratios[f] = dragged / (double)Math.Max(1, file.Meta.Bytes);
        }

        // Stable, hence the same in every run: of equals the one with the least keys.
        foreach (int f in Enumerable.Range(0, files.Length).OrderBy(f => ratios[f]).Take(PickTriesMax))
        {
            if (Unless(Make(version, options, level, level + 1, [files[f]]), running) is { } pick) return pick;
        }

        return null;
    }
}
