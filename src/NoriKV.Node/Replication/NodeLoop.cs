namespace NoriKV.Node.Replication;

/// <summary>
/// The node's threads, all of them: one steps the log, one each apply worker, one looks at deadlines and asks for
/// maintenance. They only call steps; a node without this loop is stepped by its owner.
/// </summary>
internal sealed class NodeLoop : IDisposable
{
    private readonly SingleVoterLog _log;
    private readonly ApplyPipeline _pipeline;
    private readonly ProposalWatch _watch;
    private readonly Action<Exception> _crashed;
    private readonly Action<bool> _tick;
    private readonly StepSignal _tickSignal = new();
    private readonly List<Thread> _threads = [];
    private volatile bool _stopping;

    /// <summary>How often deadlines are looked at while anything waits.</summary>
    private const int WatchPeriodMs = 10;

    /// <summary>How often maintenance is asked for.</summary>
    private const int MaintenancePeriodMs = 1000;

    /// <param name="log">What the log thread steps.</param>
    /// <param name="pipeline">Whose workers get a thread each.</param>
    /// <param name="watch">Whether there are deadlines to look at.</param>
    /// <param name="tick">Looks at deadlines; true: maintenance is due as well.</param>
    /// <param name="crashed">A step threw what it must not.</param>
    public NodeLoop(
        SingleVoterLog log, ApplyPipeline pipeline, ProposalWatch watch, Action<bool> tick, Action<Exception> crashed)
    {
        _log = log;
        _pipeline = pipeline;
        _watch = watch;
        _tick = tick;
        _crashed = crashed;
    }

    public void Start()
    {
        Begin("nori-log", RunLog);
        foreach (ApplyWorker worker in _pipeline.Workers) Begin("nori-apply", () => RunWorker(worker));
        Begin("nori-tick", RunTicks);
    }

    /// <summary>There is something to watch again.</summary>
    public void WakeTicks() => _tickSignal.Set();

    /// <summary>Stops and joins the threads.</summary>
    public void Dispose()
    {
        _stopping = true;
        _log.Signal.Set();
        _tickSignal.Set();
        foreach (ApplyWorker worker in _pipeline.Workers) worker.Signal.Set();
        foreach (Thread thread in _threads) thread.Join();
        _threads.Clear();
    }

    private void RunLog()
    {
        while (!_stopping)
        {
            if (!_log.RunOnce()) _log.Signal.Wait(Timeout.Infinite);
        }
    }

    private void RunWorker(ApplyWorker worker)
    {
        while (!_stopping)
        {
            if (!worker.RunOnce()) worker.Signal.Wait(worker.RetryInMs ?? Timeout.Infinite);
        }
    }

    private void RunTicks()
    {
        long lastMaintenance = Environment.TickCount64;
        while (!_stopping)
        {
            _tickSignal.Wait(_watch.IsEmpty ? MaintenancePeriodMs : WatchPeriodMs);
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
}
