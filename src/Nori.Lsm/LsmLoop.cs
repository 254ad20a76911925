using System.Diagnostics.CodeAnalysis;

namespace Nori.Lsm;

/// <summary>
/// The engine's threads: commit, flush, compaction. The only place of the package that starts any; each only
/// calls steps.
/// </summary>
[SuppressMessage("Usage", "CA2213", Justification = "A late wake-up may still come; the events are finalized.")]
internal sealed class LsmLoop : IDisposable
{
    private static readonly TimeSpan IdleWait = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan MarkDelay = TimeSpan.FromMilliseconds(50);

    private readonly LsmEngine _engine;
    private readonly AutoResetEvent _commit = new(false);
    private readonly AutoResetEvent _flush = new(false);
    private readonly AutoResetEvent[] _compactions;
    private readonly Thread[] _threads;
    private volatile bool _stop;

    public LsmLoop(LsmEngine engine)
    {
        _engine = engine;
        _compactions = [.. Enumerable.Range(0, engine.Options.CompactionsMax).Select(_ => new AutoResetEvent(false))];
        _threads =
        [
            NewThread("lsm-flush", () => Run(_flush, engine.RunFlushOnce, NoRest, () => IdleWait)),
            .. _compactions.Select(Compactor),
            NewThread("lsm-commit", () => Run(_commit, engine.RunCommitOnce, NoRest, WaitForMark)),
        ];
    }

    /// <summary>Runs what may wait elsewhere than on the caller's thread.</summary>
    public static Task Offload(Action work) => Task.Run(work);

    public void Start()
    {
        foreach (Thread thread in _threads) thread.Start();
    }

    public void WakeCommit() => _commit.Set();

    public void WakeFlush() => _flush.Set();

    public void WakeCompaction()
    {
        foreach (AutoResetEvent compaction in _compactions) compaction.Set();
    }

    /// <summary>Stops and joins the threads; a step under way is finished first.</summary>
    public void Dispose()
    {
        _stop = true;
        _commit.Set();
        _flush.Set();
        WakeCompaction();
        foreach (Thread thread in _threads) thread.Join();
    }

    private static Thread NewThread(string name, ThreadStart run) => new(run) { Name = name, IsBackground = true };

    private static TimeSpan NoRest() => TimeSpan.Zero;

    private Thread Compactor(AutoResetEvent wake, int lane)
    {
        if (lane > 0)
        {
            return NewThread($"lsm-compaction-{lane}", () => Run(
                wake, () => _engine.RunCompactionOnce(lane), _engine.CompactionRest, () => IdleWait));
        }

        // A scrub has the time that compaction leaves.
        return NewThread("lsm-compaction", () => Run(
            wake, () => _engine.RunCompactionOnce(lane) || _engine.RunScrubOnce(), _engine.CompactionRest, WaitForScrub));
    }

    // Writers lead on threads of their own and wake nobody: that they went idle is seen here.
    private TimeSpan WaitForMark() => _engine.NoteDurableWhenIdle() ? IdleWait : MarkDelay;

    private TimeSpan WaitForScrub()
    {
        TimeSpan wait = _engine.ScrubWait();
        return wait < IdleWait ? wait : IdleWait;
    }

    /// <summary>
    /// One round of a thread: a rest that is owed, else a step, else a wait. Owed is owed, whatever ends a wait before its time and
    /// however often: so the rest comes first, and all of it.
    /// </summary>
    internal static void Turn(Func<bool> step, Func<TimeSpan> rest, Func<TimeSpan> idle, Action<TimeSpan> wait)
    {
        TimeSpan owed = rest();
        if (owed > TimeSpan.Zero) wait(owed);
        else if (!step()) wait(idle());
    }

    private void Run(AutoResetEvent wake, Func<bool> step, Func<TimeSpan> rest, Func<TimeSpan> idle)
    {
        TimeSpan Idle() => _engine.IsHeldUp ? _engine.DiskFullRetry : idle();
        void Wait(TimeSpan time) => wake.WaitOne(time);

        // Made once: the thread of the commits comes by at each of them.
        Func<TimeSpan> mayIdle = Idle;
        Action<TimeSpan> wait = Wait;
        while (!_stop) Turn(step, rest, mayIdle, wait);
    }
}
