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

    private readonly EventHeap _events = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private string? _stray;

    /// <summary>Now.</summary>
    public long Now { get; private set; }

    /// <summary>Events run so far.</summary>
    public long Executed { get; private set; }

    /// <summary>Runs an action at a time; at once (but not inside this call) where the time has passed.</summary>
    /// <exception cref="InvalidOperationException">Too many wait: it ends the loop that makes them, before memory ends.</exception>
    public void At(long time, Action action) => At(time, static (run, _) => ((Action)run)(), action, 0);

    /// <summary>As above, for what is done so often that it must not cost a closure each time.</summary>
    /// <param name="time">When.</param>
    /// <param name="action">Gets the other two.</param>
    /// <param name="target">Whose event it is.</param>
    /// <param name="number">Which of them.</param>
    public void At(long time, Action<object, int> action, object target, int number)
    {
        AssertThread();
        if (_events.Count >= WaitingMax)
            throw new InvalidOperationException($"{WaitingMax} events wait at {Ticks.Text(Now)} s: an event does not end");
        _events.Push(new Event(Math.Max(time, Now), ties.NextUInt64(), action, target, number));
    }

    /// <summary>Runs an action later.</summary>
    public void After(long ticks, Action action) => At(Now + ticks, action);

    /// <summary>Completes after a while, on the thread of the run.</summary>
    public Task DelayAsync(long ticks)
    {
        // Its continuations run inside the event: RunContinuationsAsynchronously would send them to the thread pool.
        var done = new TaskCompletionSource();
        At(Now + ticks, static (waiting, _) => ((TaskCompletionSource)waiting).SetResult(), done, 0);
        return done.Task;
    }

    /// <summary>Runs the next event up to a time; false when none is left before it, and then it is that time.</summary>
    public bool TryRunNext(long until)
    {
        AssertThread();
        if (_events.Count == 0 || _events.FirstTime > until)
        {
            Now = Math.Max(Now, until);
            return false;
        }

        Event next = _events.Pop();
        Now = next.Time;
        Executed++;
        next.Action(next.Target, next.Number);
        return true;
    }

    /// <summary>Where a second thread came from; null while there is none. It got no further than here.</summary>
    public string? Stray => Volatile.Read(ref _stray);

    /// <summary>Two threads in a run would do things twice, or never: whoever strayed is stopped, and the run knows of it.</summary>
    public void AssertThread()
    {
        if (Environment.CurrentManagedThreadId == _thread) return;
        // What is thrown on a stray thread may reach nobody.
        Interlocked.CompareExchange(ref _stray, Environment.StackTrace, null);
        throw new InvariantException("a second thread came into the run");
    }
}
