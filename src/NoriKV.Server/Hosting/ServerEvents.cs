using Nori.Observe;
using NoriKV.Server.Live;

namespace NoriKV.Server;

/// <summary>
/// Gives each event to /events, to the hour of the dashboard and to the log. By their own types: a call of a generic method through an
/// interface is looked up each time, and a node that syncs often has ten thousands of events a second.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class ServerEvents(EventRing ring, NewsSink news, EventLog log, TimeProvider time) : IEventSink
{
    /// <summary>
    /// Syncs are most of what happens and least of what one looks for: at one in this time, and each that is slow, a ring of 4,096
    /// events holds minutes under load in which they alone would leave seconds.
    /// </summary>
    internal static readonly TimeSpan SyncPeriod = TimeSpan.FromSeconds(1);

    /// <summary>A sync that takes so long is remembered, whenever the last one was.</summary>
    internal const double SlowSyncMs = 100;

    private long _syncAt = long.MinValue;

    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent
    {
        if (typeof(T) != typeof(Nori.Wal.Fsync) || IsRemembered((Nori.Wal.Fsync)(object)e))
        {
            // One reading for both: a watcher knows by the time that what the hour tells is what it has seen.
            DateTimeOffset now = time.GetUtcNow();
            ring.Emit(e, now);
            news.Emit(e, now);
        }

        log.Emit(e);
    }

    private bool IsRemembered(in Nori.Wal.Fsync sync)
    {
        if (sync.Milliseconds >= SlowSyncMs) return true;
        long now = time.GetTimestamp(), last = Volatile.Read(ref _syncAt);
        if (last != long.MinValue && time.GetElapsedTime(last, now) < SyncPeriod) return false;
        return Interlocked.CompareExchange(ref _syncAt, now, last) == last;
    }
}
