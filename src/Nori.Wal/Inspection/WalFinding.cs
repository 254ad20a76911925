namespace Nori.Wal;

/// <summary>Something that is other than it should be.</summary>
/// <param name="Kind">How bad it is.</param>
/// <param name="File">Where.</param>
/// <param name="Offset">Where in the file, in bytes.</param>
/// <param name="Expected">What should be there.</param>
/// <param name="Actual">What is there.</param>
public sealed record WalFinding(WalFindingKind Kind, string File, long Offset, string Expected, string Actual);
