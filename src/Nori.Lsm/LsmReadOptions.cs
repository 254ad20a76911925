namespace Nori.Lsm;

/// <summary>
/// How a read sees the data. The default sees the latest and judges expiry by the engine's clock.
/// </summary>
public sealed record LsmReadOptions
{
    /// <summary>What an absent argument means.</summary>
    public static LsmReadOptions Default { get; } = new();

    /// <summary>Read as of this snapshot. <value>Null: the latest.</value></summary>
    public LsmSnapshot? Snapshot { get; init; }

    /// <summary>
    /// Unix milliseconds by which expiry is judged. <value>Null: the engine's TimeProvider.</value>
    /// </summary>
    public long? NowUnixMs { get; init; }

    /// <summary>
    /// Return entries whose time has passed and that compaction has not dropped yet. <value>False.</value>
    /// </summary>
    public bool IncludeExpired { get; init; }
}
