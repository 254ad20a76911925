namespace NoriKV.TestKit.Simulation.Scheduling;

/// <summary>
/// The clocks of one boot of a node: a monotonic one that may run a little fast or slow, and a wall clock that drifts with
/// it, or is kept right by a time service, and jumps besides.
/// </summary>
internal sealed class SimClock(EventQueue events, DateTimeOffset epoch, double rate, double wallRate, long bootOffset) : TimeProvider
{
    private long _crept;

    /// <summary>By how much the wall clock is wrong, in ticks; survives the boot, as a machine's clock does.</summary>
    public long WallOffset { get; set; }

    /// <summary>
    /// By how much each look moves the clocks, in ticks: for a node that waits inside a call for time to pass, as at
    /// its stop.
    /// </summary>
    public long Creep { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        _crept += Creep;
        return bootOffset + _crept + (long)(events.Now * rate);
    }

    public override DateTimeOffset GetUtcNow()
    {
        _crept += Creep;
        return epoch.AddTicks(_crept + WallOffset + (long)(events.Now * wallRate));
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new VirtualTimer(this, events, callback, state, dueTime, period);

    private sealed class VirtualTimer : ITimer
    {
        private readonly SimClock _clock;
        private readonly EventQueue _events;
        private readonly TimerCallback _callback;
        private readonly object? _state;
        private int _version;

        public VirtualTimer(
            SimClock clock, EventQueue events, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            (_clock, _events, _callback, _state) = (clock, events, callback, state);
            Change(dueTime, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            int version = ++_version;
            if (dueTime >= TimeSpan.Zero) Schedule(dueTime, period, version);
            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Schedule(TimeSpan due, TimeSpan period, int version) => _events.After(
            (long)(due.Ticks / _clock.Rate),
            () =>
            {
                if (version != _version) return;
                _callback(_state);
                if (period > TimeSpan.Zero && version == _version) Schedule(period, period, version);
            });
    }

    private double Rate => rate;
}
