namespace Nori.Lsm;

/// <summary>What opening found and did.</summary>
public sealed record LsmOpenReport
{
    /// <summary>True when the directory held no engine before.</summary>
    public bool Created { get; init; }

    /// <summary>Tables of the manifest.</summary>
    public int Tables { get; init; }

    /// <summary>Files that no manifest edit names, left by a crash, and deleted.</summary>
    public IReadOnlyList<string> OrphansDeleted { get; init; } = [];

    /// <summary>Bytes at the manifest's end that a crash left unfinished.</summary>
    public long ManifestTornBytes { get; init; }

    /// <summary>Manifest records damaged in one of their two copies and read from the other.</summary>
    public int ManifestHealed { get; init; }

    /// <summary>Batches replayed from the engine's log.</summary>
    public long WalBatches { get; init; }

    /// <summary>Bytes at the log's end that a crash left unfinished.</summary>
    public long WalTornBytes { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }
}
