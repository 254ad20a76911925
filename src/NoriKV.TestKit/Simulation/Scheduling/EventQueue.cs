using Nori.Core;

namespace NoriKV.TestKit.Simulation.Scheduling;

/// <summary>
/// Virtual time and what happens in it, one event after the other on one thread. Events of one moment run in an order
/// that the seed draws, so that no test passes by the order in which they were made.
/// </summary>
/// <remarks>Times are ticks of 100 ns since the start of the run.</remarks>
internal sealed class EventQueue(Prng ties)
{
    /// <summary>Most events that wait; runs have some hundreds. More come only out of an event that never ends.</summary>
    public const int WaitingMax = 1 << 17;

    private readonly PriorityQueue<Action, Moment> _events = new();

    /// <summary>Now.</summary>
    public long Now { get; private set; }

    /// <summary>Events run so far.</summary>
    public long Executed { get; private set; }

    /// <summary>Runs an action at a time; at once (but not inside this call) where the time has passed.</summary>
    /// <exception cref="InvalidOperationException">Too many wait: it ends the loop that makes them, before memory ends.</exception>
    public void At(long time, Action action)
    {
        if (_events.Count >= WaitingMax)
            throw new InvalidOperationException($"{WaitingMax} events wait at {Ticks.Text(Now)} s: an event does not end");
        _events.Enqueue(action, new Moment(Math.Max(time, Now), ties.NextUInt64()));
    }

    /// <summary>Runs an action later.</summary>
    public void After(long ticks, Action action) => At(Now + ticks, action);

    /// <summary>Completes after a while, on the thread of the run.</summary>
    public Task DelayAsync(long ticks)
    {
        // Its continuations run inside the event: RunContinuationsAsynchronously would send them to the thread pool.
        var done = new TaskCompletionSource();
        After(ticks, done.SetResult);
        return done.Task;
    }

    /// <summary>Runs the next event up to a time; false when none is left before it, and then it is that time.</summary>
    public bool TryRunNext(long until)
    {
        if (!_events.TryPeek(out _, out Moment moment) || moment.Time > until)
        {
            Now = Math.Max(Now, until);
            return false;
        }

        Action action = _events.Dequeue();
        Now = moment.Time;
        Executed++;
        action();
        return true;
    }

    private readonly struct Moment(long time, ulong tie) : IComparable<Moment>
    {
        private readonly ulong _tie = tie;

        public long Time { get; } = time;

        public int CompareTo(Moment other) => Time != other.Time ? Time.CompareTo(other.Time) : _tie.CompareTo(other._tie);
    }
}
