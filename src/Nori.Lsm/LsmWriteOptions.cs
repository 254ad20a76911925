namespace Nori.Lsm;

/// <summary>How one write is made.</summary>
public sealed record LsmWriteOptions
{
    /// <summary>
    /// Sync the log before answering although the engine runs with <see cref="LsmWalMode.Os"/>.
    /// <value>False.</value>
    /// </summary>
    public bool Sync { get; init; }
}
