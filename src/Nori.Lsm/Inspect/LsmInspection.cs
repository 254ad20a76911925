namespace Nori.Lsm;

/// <summary>An engine's directory, looked at without opening it.</summary>
public sealed record LsmInspection
{
    /// <summary>The directory.</summary>
    public required string Directory { get; init; }

    /// <summary>The manifest in force.</summary>
    public required ManifestInspection Manifest { get; init; }

    /// <summary>The engine's id; a checkpoint has its own.</summary>
    public Guid StoreId { get; init; }

    /// <summary>The greatest sequence number in tables.</summary>
    public ulong LastSequence { get; init; }

    /// <summary>Where replay of the log begins, as segment:offset.</summary>
    public string LogPosition { get; init; } = string.Empty;

    /// <summary>The owner's greatest watermark in tables; 0 without an owner.</summary>
    public ulong FlushedWatermark { get; init; }

    /// <summary>Its tables, level 0 first.</summary>
    public IReadOnlyList<LsmTableInfo> Tables { get; init; } = [];

    /// <summary>Files of the engine's naming that nothing refers to; the next opening deletes them.</summary>
    public IReadOnlyList<string> Orphans { get; init; } = [];

    /// <summary>Everything found wrong, with file and offset.</summary>
    public IReadOnlyList<LsmDamage> Damage { get; init; } = [];

    /// <summary>True when nothing was found wrong.</summary>
    public bool IsSound => Damage.Count == 0;
}
