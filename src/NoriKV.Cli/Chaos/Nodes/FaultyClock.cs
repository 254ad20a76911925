namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>
/// The clocks of a node under test: a wall clock that can be set, and an oscillator that runs fast or slow, which the monotonic clock
/// counts and the wall clock too, unless a time service keeps it right. Ticks, leases and deadlines are measured by time stamps; timers
/// and the sleeps of threads keep the system's time.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class FaultyClock(TimeProvider time) : TimeProvider
{
    // Guards what follows: a time stamp that was taken between two rates may not be behind an earlier one.
    private readonly Lock _gate = new();
    private long _rateSince = time.GetTimestamp();
    private double _rate = 1;

    // In units of the time stamps: what was gained until the rate last changed, and until the wall clock was last set.
    private long _gained;
    private long _gainedAtSet;
    private TimeSpan _offset;
    private bool _isWallKept;

    public override long TimestampFrequency => time.TimestampFrequency;

    public override long GetTimestamp()
    {
        lock (_gate)
        {
            long now = time.GetTimestamp();
            return now + GainedLocked(now);
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            long drift = _isWallKept ? 0 : GainedLocked(time.GetTimestamp()) - _gainedAtSet;
            return time.GetUtcNow() + _offset + time.GetElapsedTime(0, drift);
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        time.CreateTimer(callback, state, dueTime, period);

    /// <summary>Sets the wall clock: so far off the right time, whatever it had drifted.</summary>
    public void SetOffset(TimeSpan offset)
    {
        lock (_gate) (_offset, _gainedAtSet) = (offset, GainedLocked(time.GetTimestamp()));
    }

    /// <summary>Says how fast the clocks run from now on.</summary>
    /// <param name="rate">How many seconds they count in one.</param>
    /// <param name="isWallKept">The wall clock is right all the same, but for its offset.</param>
    public void SetRate(double rate, bool isWallKept)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate);
        lock (_gate)
        {
            long now = time.GetTimestamp();
            (_gained, _rateSince, _rate, _isWallKept) = (GainedLocked(now), now, rate, isWallKept);
        }
    }

    private long GainedLocked(long now) => _gained + (long)((now - _rateSince) * (_rate - 1));
}
