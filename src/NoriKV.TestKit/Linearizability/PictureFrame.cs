namespace NoriKV.TestKit.Linearizability;

/// <summary>Which calls are drawn, and where a moment is.</summary>
internal sealed class PictureFrame
{
    private readonly long[] _times;

    private PictureFrame(Operation[] drawn)
    {
        Drawn = drawn;
        _times = [.. drawn.SelectMany(static o => o.IsKnown ? [o.Called, o.Returned] : new[] { o.Called }).Distinct().Order()];
    }

    /// <summary>In the order of their calls.</summary>
    public Operation[] Drawn { get; }

    public static PictureFrame Of(Contradiction contradiction)
    {
        const int Max = ContradictionPicture.CallsDrawnMax;
        Operation[] drawn = [.. contradiction.Operations.OrderBy(static o => o.Returned).ThenBy(static o => o.Called)];
        int known = Array.FindIndex(drawn, static o => !o.IsKnown) is var first and >= 0 ? first : drawn.Length;
        return new PictureFrame([.. drawn[Math.Max(0, known - Max)..].Take(2 * Max).OrderBy(static o => o.Called)]);
    }

    public static bool IsCulprit(Operation o, Contradiction c) => o.Client == c.Culprit.Client && o.Called == c.Culprit.Called;

    /// <summary>How many of the calls are drawn, in words.</summary>
    public string Count(Contradiction c)
    {
        if (Drawn.Length < c.Operations.Count) return $"the last {Drawn.Length} of {c.Operations.Count}";
        return c.LeftOut == 0
            ? $"all {Drawn.Length} so far"
            : $"{Drawn.Length} of {Drawn.Length + c.LeftOut}; the others do not matter";
    }

    // By rank, not by clock: a long silence would squeeze what matters into one column.
    public int Column(long time, int width) =>
        (int)((long)Array.BinarySearch(_times, time) * width / Math.Max(1, _times.Length));
}
