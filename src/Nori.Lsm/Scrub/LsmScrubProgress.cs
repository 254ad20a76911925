namespace Nori.Lsm;

/// <summary>How far a scrub is.</summary>
/// <param name="Position">Where one that resumes would go on.</param>
/// <param name="FilesChecked">Files checked whole.</param>
/// <param name="Files">Files to check, as known when it began.</param>
/// <param name="BytesChecked">Bytes read and found right or wrong.</param>
/// <param name="BytesTotal">Bytes to check, as known when it began.</param>
/// <param name="Findings">What was found so far.</param>
public readonly record struct LsmScrubProgress(
    LsmScrubPosition Position, int FilesChecked, int Files, long BytesChecked, long BytesTotal, int Findings);
