namespace Nori.Lsm;

/// <summary>One edit of a manifest, for people.</summary>
/// <param name="Number">1 is the whole state.</param>
/// <param name="Offset">Where its first whole copy begins, in bytes.</param>
/// <param name="Description">What it changes.</param>
public sealed record ManifestEditInfo(ulong Number, long Offset, string Description);
