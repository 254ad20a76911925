namespace NoriKV.Node.Replication;

/// <summary>How long the last syncs of the log took, each with when it ended: what a minute's percentile is read from.</summary>
/// <remarks>Thread-safe: the lock guards the ring. One writer, once a sync; readers are rare.</remarks>
internal sealed class SyncTimes(TimeProvider time)
{
    /// <summary>Syncs that are remembered; at more than so many a minute the percentile is of the last ones.</summary>
    private const int Capacity = 1024;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly (long EndedAt, TimeSpan Took)[] _ring = new (long, TimeSpan)[Capacity];
    private long _count;

    public void Note(long began, long ended)
    {
        lock (_lock) _ring[_count++ % Capacity] = (ended, time.GetElapsedTime(began, ended));
    }

    /// <summary>Syncs of the last minute, their 99th percentile, and the longest.</summary>
    public (int Count, TimeSpan P99, TimeSpan Longest) Look(long now)
    {
        TimeSpan[] took;
        lock (_lock)
        {
            took =
            [
                .. _ring.AsSpan(0, (int)Math.Min(_count, Capacity)).ToArray()
                    .Where(s => time.GetElapsedTime(s.EndedAt, now) < Window).Select(static s => s.Took),
            ];
        }

        if (took.Length == 0) return default;
        Array.Sort(took);
        return (took.Length, took[(int)Math.Ceiling(took.Length * 0.99) - 1], took[^1]);
    }
}
