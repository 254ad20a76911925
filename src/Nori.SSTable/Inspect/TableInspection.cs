namespace Nori.SSTable;

/// <summary>What <see cref="TableInspector.Inspect"/> found in a file.</summary>
public sealed record TableInspection
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>Its length in bytes.</summary>
    public required long FileBytes { get; init; }

    /// <summary>The footer's format version; 0 when the footer is damaged.</summary>
    public int FormatVersion { get; init; }

    /// <summary>The properties; null when they or the footer are damaged.</summary>
    public TableProperties? Properties { get; init; }

    /// <summary>
    /// The blocks that could be found, by offset. Behind a damaged index block the blocks it lists are
    /// unknown.
    /// </summary>
    public IReadOnlyList<TableBlockInfo> Blocks { get; init; } = [];

    /// <summary>The range deletes; none when their block is damaged.</summary>
    public IReadOnlyList<RangeDelete> RangeDeletes { get; init; } = [];

    /// <summary>Every damage found, by offset; empty: the table is sound.</summary>
    public IReadOnlyList<TableDamage> Damage { get; init; } = [];

    /// <summary>True when no damage was found.</summary>
    public bool IsSound => Damage.Count == 0;
}
