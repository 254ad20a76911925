namespace NoriKV.Node.Replication;

/// <summary>
/// The node's threads, all of them: they only call steps, and sleep on a signal while there is nothing to do. A node without
/// this loop is stepped by its owner.
/// </summary>
internal sealed class NodeLoop : IDisposable
{
    private readonly PendingWatch _watch;
    private readonly Action<Exception> _crashed;
    private readonly Action<bool> _tick;
    private readonly TimeSpan? _raftTick;
    private readonly StepSignal _tickSignal = new();
    private readonly List<Job> _jobs = [];
    private readonly List<Thread> _threads = [];
    private volatile bool _stopping;

    /// <summary>How often deadlines are looked at while anything waits.</summary>
    private const int WatchPeriodMs = 10;

    /// <summary>How often maintenance is asked for.</summary>
    private const int MaintenancePeriodMs = 1000;

    /// <param name="watch">Whether there are deadlines to look at.</param>
    /// <param name="raftTick">How often Raft wants a tick; null in a node alone.</param>
    /// <param name="tick">Looks at deadlines and ticks; true: maintenance is due as well.</param>
    /// <param name="crashed">A step threw what it must not.</param>
    public NodeLoop(PendingWatch watch, TimeSpan? raftTick, Action<bool> tick, Action<Exception> crashed)
    {
        _watch = watch;
        _raftTick = raftTick;
        _tick = tick;
        _crashed = crashed;
    }

    /// <summary>Adds a thread, before the start.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="signal">What it sleeps on.</param>
    /// <param name="runOnce">Its step; false when there was nothing to do.</param>
    /// <param name="retryInMs">After how long it looks again although nobody woke it; null never.</param>
    public void Add(string name, StepSignal signal, Func<bool> runOnce, Func<int?> retryInMs)
    {
        signal.Attach();
        _jobs.Add(new Job(name, signal, runOnce, retryInMs));
    }

    public void Start()
    {
        _tickSignal.Attach();
        foreach (Job job in _jobs) Begin(job.Name, () => Run(job));
        Begin("nori-tick", RunTicks);
    }

    /// <summary>Milliseconds until the next look at deadlines and clocks.</summary>
    public static int PeriodMs(PendingWatch watch, TimeSpan? raftTick) => !watch.IsEmpty ? WatchPeriodMs
        : raftTick is { } raft ? Math.Max(1, (int)raft.TotalMilliseconds / 2) : MaintenancePeriodMs;

    /// <summary>There is something to watch again.</summary>
    public void WakeTicks() => _tickSignal.Set();

    /// <summary>Stops and joins the threads.</summary>
    public void Dispose()
    {
        _stopping = true;
        _tickSignal.Set();
        foreach (Job job in _jobs) job.Signal.Set();
        foreach (Thread thread in _threads) thread.Join();
        _threads.Clear();
    }

    private void Run(Job job)
    {
        while (!_stopping)
        {
            if (!job.RunOnce()) job.Signal.Wait(job.RetryInMs() ?? Timeout.Infinite);
        }
    }

    private void RunTicks()
    {
        long lastMaintenance = Environment.TickCount64;
        while (!_stopping)
        {
            _tickSignal.Wait(PeriodMs(_watch, _raftTick));
            bool due = Environment.TickCount64 - lastMaintenance >= MaintenancePeriodMs;
            if (due) lastMaintenance = Environment.TickCount64;
            _tick(due);
        }
    }

    private void Begin(string name, Action body)
    {
        var thread = new Thread(() => Guard(body)) { Name = name, IsBackground = true };
        _threads.Add(thread);
        thread.Start();
    }

    private void Guard(Action body)
    {
        try
        {
            body();
        }
        catch (Exception e) when (!_stopping)
        {
            _crashed(e);
        }
    }

    private sealed record Job(string Name, StepSignal Signal, Func<bool> RunOnce, Func<int?> RetryInMs);
}
