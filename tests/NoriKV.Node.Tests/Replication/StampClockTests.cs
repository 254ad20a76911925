using NoriKV.Node.Replication;

namespace NoriKV.Node.Tests.Replication;

/// <summary>
/// The clock of stamps under a wall clock that somebody sets (found by <c>norikv chaos --seed 22 --faults ClockJump</c>).
/// </summary>
public sealed class StampClockTests
{
    private readonly ManualTime _inner = new();
    private readonly SkewedTime _time;
    private readonly StampClock _clock;
    private readonly long _begin;

    public StampClockTests()
    {
        _time = new SkewedTime(_inner);
        _clock = new StampClock(_time);
        _begin = _inner.UnixMs;
    }

    [Fact]
    public void It_runs_on_by_itself()
    {
        Assert.Equal(_begin, _clock.NowUnixMs());
        _inner.Advance(TimeSpan.FromHours(8));
        Assert.Equal(_begin + 8 * 3_600_000L, _clock.NowUnixMs());
    }

    [Fact]
    public void A_clock_that_is_set_ahead_for_a_moment_ages_nothing_by_more_than_that_moment()
    {
        _time.SkewMs = 3 * 3_600_000;
        Assert.Equal(_begin, _clock.NowUnixMs());
        for (int i = 0; i < 20; i++)
        {
            _inner.AdvanceMs(100);
            _clock.Alone(ClockReading.Of(_time));
            Assert.Equal(_begin + (200 * (i + 1)), _clock.NowUnixMs());
        }

        _time.SkewMs = 0;
        _inner.AdvanceMs(1000);
        _clock.Alone(ClockReading.Of(_time));
        Assert.Equal(_begin + 4000, _clock.NowUnixMs());
        _inner.AdvanceMs(5000);
        _clock.Alone(ClockReading.Of(_time));
        Assert.Equal(_begin + 8000, _clock.NowUnixMs());
    }

    [Fact]
    public void One_that_was_right_to_be_set_ahead_is_reached_in_as_long_as_it_was_behind()
    {
        _time.SkewMs = 60_000;
        _inner.AdvanceMs(30_000);
        _clock.Alone(ClockReading.Of(_time));
        Assert.Equal(_begin + 60_000, _clock.NowUnixMs());
        _inner.AdvanceMs(40_000);
        _clock.Alone(ClockReading.Of(_time));
        Assert.Equal(_begin + 130_000, _clock.NowUnixMs());
    }

    [Fact]
    public void Alone_it_never_goes_back()
    {
        _time.SkewMs = -3_600_000;
        _inner.AdvanceMs(10);
        _clock.Alone(ClockReading.Of(_time));
        Assert.Equal(_begin, _clock.NowUnixMs());
    }

    [Fact]
    public void What_the_peers_bear_out_is_followed_at_once_and_what_they_do_not_is_taken_off()
    {
        _time.SkewMs = 7_000_000;
        _clock.Compared(7_000_000, ClockReading.Of(_time));
        Assert.Equal(_begin, _clock.NowUnixMs());
        _clock.Compared(0, ClockReading.Of(_time));
        Assert.Equal(_begin + 7_000_000, _clock.NowUnixMs());
        _time.SkewMs = 0;
        _clock.Compared(0, ClockReading.Of(_time));
        Assert.Equal(_begin, _clock.NowUnixMs());
        _inner.AdvanceMs(5000);
        _clock.Alone(ClockReading.Of(_time));
        Assert.Equal(_begin + 5000, _clock.NowUnixMs());
    }
}
