namespace Nori.Lsm;

/// <summary>Something wrong in an engine's directory.</summary>
/// <param name="File">The file.</param>
/// <param name="Offset">Where in it, in bytes.</param>
/// <param name="Description">What was expected and what is there.</param>
public sealed record LsmDamage(string File, long Offset, string Description);
