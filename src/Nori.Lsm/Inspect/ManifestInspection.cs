namespace Nori.Lsm;

/// <summary>What a manifest says, and whether it is whole.</summary>
public sealed record ManifestInspection
{
    /// <summary>The manifest that CURRENT names; empty when that cannot be told.</summary>
    public string Path { get; init; } = string.Empty;

    /// <summary>Its number.</summary>
    public ulong Number { get; init; }

    /// <summary>Its length.</summary>
    public long Bytes { get; init; }

    /// <summary>Its edits, oldest first.</summary>
    public IReadOnlyList<ManifestEditInfo> Edits { get; init; } = [];

    /// <summary>Bytes behind the last whole edit: a write that a crash cut.</summary>
    public long TornBytes { get; init; }

    /// <summary>Offsets where one of two copies is damaged and the other serves.</summary>
    public IReadOnlyList<long> HealedOffsets { get; init; } = [];

    /// <summary>Damage that keeps it from being read.</summary>
    public IReadOnlyList<LsmDamage> Damage { get; init; } = [];
}
