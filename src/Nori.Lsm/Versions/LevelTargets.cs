using Nori.Core;

namespace Nori.Lsm.Versions;

/// <summary>
/// The size each level is kept to. Counted up from the last level, which holds what there is: each level above
/// is a
/// LevelRatio smaller, and levels that would be smaller than the base are left empty; so little space is taken
/// by old
/// versions, whatever the total ("dynamic level sizes").
/// </summary>
internal readonly struct LevelTargets
{
    private readonly long[] _bytes;

    private LevelTargets(int baseLevel, long[] bytes)
    {
        BaseLevel = baseLevel;
        _bytes = bytes;
    }

    /// <summary>The level that level 0 is compacted into.</summary>
    public int BaseLevel { get; }

    /// <summary>Target bytes; 0 for level 0, long.MaxValue for levels above the base (they drain).</summary>
    public long this[int level] => _bytes[level];

    public static LevelTargets Of(LsmVersion version, LsmOptions options)
    {
        int last = options.Levels - 1;
        long[] targets = new long[options.Levels];
        long largest = 0;
        int firstUsed = last;
        for (int level = last; level >= 1; level--)
        {
            long bytes = version.BytesOf(level);
            if (bytes == 0) continue;
            largest = Math.Max(largest, bytes);
            firstUsed = level;
        }

        long size = largest;
        for (int level = last - 1; level >= firstUsed; level--) size /= options.LevelRatio;
        int baseLevel = firstUsed;
        while (baseLevel > 1 && size > options.BaseLevelBytes)
        {
            baseLevel--;
            size /= options.LevelRatio;
        }

        size = Math.Max(1, Math.Max(size, options.BaseLevelBytes / options.LevelRatio));
        for (int level = 1; level <= last; level++)
        {
            if (level < baseLevel) continue;
            targets[level] = size;
            size = size > long.MaxValue / options.LevelRatio ? long.MaxValue : size * options.LevelRatio;
        }

        // The last level has no bound: there is nowhere to go.
        targets[last] = long.MaxValue;
        Invariant.Assert(baseLevel >= 1 && baseLevel <= last);
        return new LevelTargets(baseLevel, targets);
    }
}
