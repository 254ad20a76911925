namespace NoriKV.Cli.Chaos.Measures;

/// <summary>What <c>norikv chaos measure</c> measures.</summary>
internal sealed record MeasureOptions
{
    /// <summary>All measures there are.</summary>
    public static IReadOnlyList<string> All { get; } = ["kill", "stall", "slow", "overload"];

    /// <summary>Which of them.</summary>
    public IReadOnlyList<string> Only { get; init; } = All;

    /// <summary>Leaders killed. <value>20</value></summary>
    public int Kills { get; init; } = 20;

    /// <summary>Leaders whose syncs stall. <value>5</value></summary>
    public int Stalls { get; init; } = 5;

    /// <summary>Length of each phase of steady load. <value>10 s</value></summary>
    public TimeSpan Phase { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Callers of the load behind kills and stalls. <value>32</value></summary>
    public int Callers { get; init; } = 32;

    /// <summary>The cluster.</summary>
    public ChaosOptions Cluster { get; init; } = new() { Shards = 1024 };

    /// <summary>Every problem of these options.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>(Cluster.Validate());
        if (Cluster.Nodes < 3) problems.Add("--nodes must be at least 3: fewer cannot do without one");
        if (Kills is < 1 or > 1000) problems.Add("--kills must be 1 to 1000");
        if (Stalls is < 1 or > 1000) problems.Add("--stalls must be 1 to 1000");
        if (Callers is < 1 or > 4096) problems.Add("--callers must be 1 to 4096");
        foreach (string name in Only)
        {
            if (!All.Contains(name)) problems.Add($"--only: {name} is none of {string.Join(", ", All)}");
        }

        return problems;
    }
}
