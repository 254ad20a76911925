namespace NoriKV.Node.Tracing;

/// <summary>What a node keeps of slow requests.</summary>
public sealed record SlowLogOptions
{
    /// <summary>A request that took at least so long is slow; zero: none is. Can be changed later.</summary>
    /// <value>250 ms</value>
    public TimeSpan Threshold { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How many are remembered. <value>256</value></summary>
    public int Remembered { get; init; } = 256;

    /// <summary>How many a second are remembered; beyond, they are counted only. <value>50</value></summary>
    public int PerSecondMax { get; init; } = 50;

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (Threshold < TimeSpan.Zero) problems.Add("Slow.Threshold must not be negative");
        if (Remembered is < 1 or > 65_536) problems.Add("Slow.Remembered must lie between 1 and 65,536");
        if (PerSecondMax < 1) problems.Add("Slow.PerSecondMax must be positive");
        return problems;
    }
}
