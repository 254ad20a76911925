namespace NoriKV.Node.Comparing;

/// <summary>How replicas of a shard are compared in the background.</summary>
public sealed record ConsistencyOptions
{
    /// <summary>How long a leader takes to have each of its shards compared once; zero: never. <value>6 hours.</value></summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Bytes a second that a node reads for it; 0: as fast as it can. <value>16 MiB.</value></summary>
    public long BytesPerSecond { get; init; } = 16L << 20;

    /// <summary>A comparison that takes longer is given up. <value>15 minutes.</value></summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (Interval < TimeSpan.Zero) problems.Add("Consistency.Interval must not be negative");
        if (BytesPerSecond < 0) problems.Add("Consistency.BytesPerSecond must not be negative");
        if (Timeout <= TimeSpan.Zero) problems.Add("Consistency.Timeout must be positive");
        return problems;
    }
}
