namespace NoriKV.Node.Replication;

/// <summary>
/// The wall clock that a leader stamps entries with. It follows the system's, but runs at most twice as fast as time passes and never
/// backwards: stamps never fall along a log, so a clock that was set ahead by hours for a second would age a shard by hours, and
/// every session would be past its retention until the others' clocks have caught up.
/// </summary>
/// <remarks>Not thread-safe: the worker's. A clock that is wrong when the process starts is believed.</remarks>
internal sealed class StampClock(TimeProvider time)
{
    private const int FasterMax = 2;

    private long _ticks = time.GetUtcNow().UtcTicks;
    private long _at = time.GetTimestamp();

    /// <summary>Milliseconds since 1970.</summary>
    public long NowUnixMs()
    {
        long at = time.GetTimestamp();
        long ahead = _ticks + (FasterMax * time.GetElapsedTime(_at, at).Ticks);
        _at = at;
        _ticks = Math.Clamp(time.GetUtcNow().UtcTicks, _ticks, Math.Max(_ticks, ahead));
        return new DateTimeOffset(_ticks, TimeSpan.Zero).ToUnixTimeMilliseconds();
    }
}
