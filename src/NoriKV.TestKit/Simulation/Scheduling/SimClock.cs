namespace NoriKV.TestKit.Simulation.Scheduling;

/// <summary>
/// The clocks of one boot of a node: a monotonic one that may run a little fast or slow, and a wall clock that drifts with
/// it, or is kept right by a time service, and jumps besides.
/// </summary>
internal sealed class SimClock(EventQueue events, DateTimeOffset epoch, double rate, double wallRate, long bootOffset) : TimeProvider
{
    private long _crept;
    private long _looksLeft;
    private long _length;
    private Action? _stands;
    private long _goesOnAt;

    /// <summary>By how much the wall clock is wrong, in ticks; survives the boot, as a machine's clock does.</summary>
    public long WallOffset { get; set; }

    /// <summary>
    /// By how much each look moves the clocks, in ticks: for a node that waits inside a call for time to pass, as at
    /// its stop.
    /// </summary>
    public long Creep { get; set; }

    /// <summary>How much longer its process stands still, in ticks; 0: it does not, as far as its clocks know.</summary>
    public long StandsFor => Math.Max(0, _goesOnAt - events.Now);

    /// <summary>
    /// Before the n-th look from now at these clocks their process stands still, in the middle of whatever it does then: what it
    /// does behind that it does so much later, by these clocks and by what <see cref="StandsFor"/> holds back.
    /// </summary>
    public void StandStill(long looks, long length, Action stands) => (_looksLeft, _length, _stands) = (looks, length, stands);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        long now = Look();
        return bootOffset + _crept + (long)(now * rate);
    }

    public override DateTimeOffset GetUtcNow()
    {
        long now = Look();
        return epoch.AddTicks(_crept + WallOffset + (long)(now * wallRate));
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new VirtualTimer(this, events, callback, state, dueTime, period);

    private long Look()
    {
        _crept += Creep;
        if (_looksLeft > 0 && --_looksLeft == 0)
        {
            _goesOnAt = events.Now + _length;
            _stands!();
        }

        return Math.Max(events.Now, _goesOnAt);
    }

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

        private void Schedule(TimeSpan due, TimeSpan period, int version) =>
            _events.After(_clock.StandsFor + (long)(due.Ticks / _clock.Rate), () => Run(period, version));

        private void Run(TimeSpan period, int version)
        {
            if (version != _version) return;
            if (_clock.StandsFor is > 0 and var rest)
            {
                _events.After(rest, () => Run(period, version));
                return;
            }

            _callback(_state);
            if (period > TimeSpan.Zero && version == _version) Schedule(period, period, version);
        }
    }

    private double Rate => rate;
}
