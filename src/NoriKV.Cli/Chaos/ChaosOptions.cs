namespace NoriKV.Cli.Chaos;

/// <summary>What <c>norikv chaos</c> runs.</summary>
internal sealed record ChaosOptions
{
    public const int NodesMax = 9;

    /// <summary>What leases hold for: two clocks, one fast and one slow by this, are a tenth apart (protocol.md §3).</summary>
    public const double ClockDriftHeld = 5;

    // Behaviour

    /// <summary>Everything random follows from it.</summary>
    public ulong Seed { get; init; }

    /// <summary>How long faults are injected and histories recorded, all rounds together. <value>60 s</value></summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Time of faults in a round, before it is healed and judged. <value>20 s</value></summary>
    public TimeSpan Round { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Nodes. <value>3</value></summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Shards of the cluster. <value>16</value></summary>
    public int Shards { get; init; } = 16;

    /// <summary>What may happen. <value>all</value></summary>
    public ChaosFaults Faults { get; init; } = ChaosFaults.All;

    /// <summary>Percent by which a clock that drifts is fast or slow at most. <value>5: what leases hold for</value></summary>
    public double ClockDrift { get; init; } = ClockDriftHeld;

    /// <summary>A healed cluster serves and has equal replicas within this time. <value>60 s</value></summary>
    public TimeSpan HealBound { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Where nodes and histories are kept; null for a temporary directory that goes unless something is wrong.</summary>
    public string? Directory { get; init; }

    // Load

    /// <summary>Callers at once. <value>8</value></summary>
    public int Callers { get; init; } = 8;

    /// <summary>Operations a second, all callers together. <value>300</value></summary>
    public int Rate { get; init; } = 300;

    /// <summary>Longest time of one operation; then its outcome is unknown. <value>4 s</value></summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Every problem of these options.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (Nodes is < 1 or > NodesMax) problems.Add($"--nodes must be 1 to {NodesMax}");
        if (Shards is < 1 or > 4096) problems.Add("--shards must be 1 to 4096");
        if (Duration <= TimeSpan.Zero || Duration > TimeSpan.FromDays(7)) problems.Add("--seconds must be positive, 7 days at most");
        if (Round < TimeSpan.FromSeconds(3) || Round > TimeSpan.FromMinutes(10)) problems.Add("--round must be 3 s to 10 min");
        if (ClockDrift is not (> 0 and <= 90)) problems.Add("--clock-drift must be above 0, 90 percent at most");
        if (HealBound <= TimeSpan.Zero) problems.Add("--heal-bound must be positive");
        if (Callers is < 1 or > 64) problems.Add("--callers must be 1 to 64");
        if (Rate is < 1 or > 100_000) problems.Add("--rate must be 1 to 100000");
        return problems;
    }
}
