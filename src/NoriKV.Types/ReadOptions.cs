namespace NoriKV.Types;

/// <summary>How fresh a read must be.</summary>
public sealed record ReadOptions
{
    /// <summary>Linearizable.</summary>
    public static ReadOptions Default { get; } = new();

    /// <summary><value>Linearizable</value></summary>
    public Consistency Consistency { get; init; }

    /// <summary>For bounded reads; null means 5 s.</summary>
    public TimeSpan? MaxStaleness { get; init; }
}
