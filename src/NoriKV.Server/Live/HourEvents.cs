using Nori.Observe;

namespace NoriKV.Server.Live;

/// <summary>What happened on a node in the last hour, as far as it remembers, and how much more there was.</summary>
/// <remarks>Thread-safe.</remarks>
/// <param name="news">The events, a ring that holds as many as are remembered.</param>
/// <param name="node">The node's name.</param>
/// <param name="totalShards">How many shards there are.</param>
/// <param name="time">The clock.</param>
internal sealed class HourEvents(EventRing news, string node, int totalShards, TimeProvider time)
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly Lock _lock = new(); // Guards _emitted.
    private readonly Queue<(long At, long Emitted)> _emitted = new();

    /// <summary>Notes how many there were so far: called with each sample.</summary>
    public void Look()
    {
        lock (_lock)
        {
            _emitted.Enqueue((time.GetTimestamp(), news.Emitted));
            // One that is older than an hour stays: what was before it does not count.
            while (_emitted.Count > 1 && time.GetElapsedTime(_emitted.ElementAt(1).At) >= Hour) _emitted.Dequeue();
        }
    }

    /// <summary>The events, oldest first, and how many of the hour are not remembered.</summary>
    public (IReadOnlyList<ReadOnlyMemory<byte>> Events, ulong Dropped) Take()
    {
        long emitted = news.Emitted, before = 0;
        lock (_lock)
        {
            if (_emitted.TryPeek(out (long At, long Emitted) oldest) && time.GetElapsedTime(oldest.At) >= Hour) before = oldest.Emitted;
        }

        DateTimeOffset since = time.GetUtcNow() - Hour;
        (List<ReadOnlyMemory<byte>> events, _, _) =
            LiveEvents.Newest(news, 0, e => e.Time >= since, node, totalShards, news.Capacity);
        return (events, (ulong)Math.Max(0, emitted - before - news.Capacity));
    }
}
