namespace NoriKV.Node.Replication;

/// <summary>What collecting garbage came to.</summary>
/// <param name="SegmentsDeleted">Segments that went.</param>
/// <param name="IsPinned">The oldest one stayed because the engine has not flushed what it holds.</param>
/// <param name="Segments">Segments that are left.</param>
internal readonly record struct NodeLogGarbage(int SegmentsDeleted, bool IsPinned, int Segments);
