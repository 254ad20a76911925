namespace Nori.Storage.Bench.Engines;

/// <summary>What both engines are opened with; all else is their own default.</summary>
internal sealed record EngineSettings
{
    public required string Directory { get; init; }

    public long WriteBufferBytes { get; init; } = 64L << 20;

    public long CacheBytes { get; init; } = 1L << 30;

    /// <summary>True: answered after fdatasync. False: answered when the system has it.</summary>
    public bool Sync { get; init; }
}
