namespace NoriKV.Node.Tracing;

/// <summary>How one entry fared in the own log. Timestamps; 0 for what had not happened.</summary>
/// <param name="SubmittedAt">Handed over by the worker.</param>
/// <param name="BeganAt">Taken by the log's thread.</param>
/// <param name="WrittenAt">Written and not synced.</param>
/// <param name="SyncedAt">Synced.</param>
/// <param name="SeenAt">The worker heard of it.</param>
internal readonly record struct LogTimes(long SubmittedAt, long BeganAt, long WrittenAt, long SyncedAt, long SeenAt);
