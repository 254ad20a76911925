namespace Nori.SSTable;

/// <summary>A damaged place in a table file.</summary>
/// <param name="Offset">Where the damaged block or footer begins, in bytes.</param>
/// <param name="Description">What was expected there and what was found.</param>
public sealed record TableDamage(long Offset, string Description);
