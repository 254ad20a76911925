namespace NoriKV.Node.Replication;

/// <summary>
/// Wakes a loop that sleeps because there was nothing to do. Setting it again before it woke costs no system call. Where the
/// loop allows it, whoever brings work takes the step itself while the loop sleeps (decision 0181).
/// </summary>
internal sealed class StepSignal : IDisposable
{
    // True on a thread that is in a step: it takes no other one, and never the same again.
    [ThreadStatic]
    private static bool t_steps;

    private readonly AutoResetEvent _event = new(false);

    // Held during a step of a loop whose steps others may take; guards them.
    private readonly Lock _turn = new();
    private Func<bool>? _step;
    private Action<Exception>? _crashed;
    private int _set;

    /// <summary>From now on others may take steps. Before the loop starts.</summary>
    /// <param name="step">The step.</param>
    /// <param name="crashed">It threw what it must not.</param>
    public void Share(Func<bool> step, Action<Exception> crashed) => (_step, _crashed) = (step, crashed);

    /// <summary>Nobody else takes a step any more; waits for one under way.</summary>
    public void Unshare()
    {
        lock (_turn) _step = null;
    }

    /// <summary>The loop's own step.</summary>
    public bool TakeStep(Func<bool> step)
    {
        if (Volatile.Read(ref _step) is null) return step();
        lock (_turn)
        {
            t_steps = true;
            try
            {
                return step();
            }
            finally
            {
                t_steps = false;
            }
        }
    }

    public void Set()
    {
        if (Interlocked.Exchange(ref _set, 1) != 0) return;
        try
        {
            _event.Set();
        }
        catch (ObjectDisposedException)
        {
            // Nobody sleeps on it any more: a frame that came just when its node closed.
        }
    }

    /// <summary>
    /// Takes the step on this thread if nobody is in it, else wakes the loop. Hold no lock. What is posted while somebody steps
    /// is the loop's, so nobody steps for long.
    /// </summary>
    // Hot path: saves the change of threads, which costs more than most steps.
    public void SetOrStep()
    {
        if (Volatile.Read(ref _step) is null || t_steps || !_turn.TryEnter())
        {
            Set();
            return;
        }

        try
        {
            t_steps = true;
            _step?.Invoke();
        }
        catch (Exception e)
        {
            _crashed!(e);
        }
        finally
        {
            t_steps = false;
            _turn.Exit();
        }
    }

    /// <summary>Waits until set, at most the given time (-1: for ever).</summary>
    public void Wait(int milliseconds)
    {
        _event.WaitOne(milliseconds);
        // Cleared before the work that follows, with a full fence: what arrives during it sets the signal again.
        Interlocked.Exchange(ref _set, 0);
    }

    public void Dispose() => _event.Dispose();
}
