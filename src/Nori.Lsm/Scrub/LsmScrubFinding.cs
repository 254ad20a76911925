namespace Nori.Lsm;

/// <summary>Something that a scrub found to be other than it should.</summary>
/// <param name="File">The file.</param>
/// <param name="Offset">Where in it, in bytes.</param>
/// <param name="Description">What was expected and what is there.</param>
/// <param name="IsDamage">True: data is lost or in doubt. False: one of two copies, an orphan, or a torn end.</param>
public sealed record LsmScrubFinding(string File, long Offset, string Description, bool IsDamage);
