namespace NoriKV.Node.Replication;

/// <summary>
/// The wall clock that leaders of this node stamp entries with: monotonic time and an offset. Stamps never fall along a log, so one taken
/// while somebody had set the clock ahead by hours would age a shard by hours, and every session would be past its retention until
/// the others' clocks have caught up. So the offset jumps only where the clocks of the peers bear it out.
/// </summary>
/// <remarks>
/// Thread-safe; <see cref="Compared"/> and <see cref="Alone"/> are for one thread. Without peers a clock that is wrong when the process
/// starts is believed. See docs/decisions/0158-a-clock-set-ahead-does-not-age-a-shard.md.
/// </remarks>
internal sealed class StampClock
{
    private readonly TimeProvider _time;
    private readonly long _start;
    private long _offsetTicks;
    private long _lookedAtTicks;

    /// <summary>A clock that believes the system's.</summary>
    public StampClock(TimeProvider time)
    {
        _time = time;
        ClockReading reading = ClockReading.Of(time);
        (_start, _offsetTicks) = (reading.Timestamp, WallTicks(reading));
    }

    /// <summary>Milliseconds since 1970.</summary>
    public long NowUnixMs() => (_time.GetElapsedTime(_start).Ticks + Volatile.Read(ref _offsetTicks)) / TimeSpan.TicksPerMillisecond;

    /// <summary>
    /// The system's clock was compared with the peers': it is that far ahead of where it should be, 0 when it is well. Followed at once,
    /// also back.
    /// </summary>
    /// <param name="leadMs">In milliseconds.</param>
    /// <param name="reading">What was compared: a clock that has been set since is not followed.</param>
    public void Compared(long leadMs, in ClockReading reading)
    {
        long elapsed = Elapsed(reading);
        long wall = WallTicks(reading) - (leadMs * TimeSpan.TicksPerMillisecond);
        _lookedAtTicks = elapsed;
        Volatile.Write(ref _offsetTicks, wall - elapsed);
    }

    /// <summary>
    /// Nobody is there to compare with. A clock that was set is followed as fast as time passes: two wrong seconds cost two seconds, and
    /// a machine that was suspended, hence right to be ahead, is believed in the end.
    /// </summary>
    public void Alone(in ClockReading reading)
    {
        long elapsed = Elapsed(reading);
        long passed = elapsed - _lookedAtTicks;
        long behind = WallTicks(reading) - (elapsed + _offsetTicks);
        _lookedAtTicks = elapsed;
        Volatile.Write(ref _offsetTicks, _offsetTicks + Math.Clamp(behind, -passed, passed));
    }

    private static long WallTicks(in ClockReading reading) => reading.Wall.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;

    private long Elapsed(in ClockReading reading) => _time.GetElapsedTime(_start, reading.Timestamp).Ticks;
}
