namespace NoriKV.Node.Log;

/// <summary>What collecting garbage did, and what holds back the oldest segment that stayed.</summary>
/// <param name="SegmentsDeleted">Segments that went.</param>
/// <param name="EntriesTruncated">Entries forgotten.</param>
/// <param name="EntriesRewritten">Entries moved forward.</param>
/// <param name="PinnedByUnflushed">Entries in it that only wait for the engine to flush: flush early.</param>
/// <param name="PinnedByGroups">Entries in it that their groups still need.</param>
public readonly record struct GarbageReport(
    int SegmentsDeleted,
    long EntriesTruncated,
    long EntriesRewritten,
    long PinnedByUnflushed,
    long PinnedByGroups);
