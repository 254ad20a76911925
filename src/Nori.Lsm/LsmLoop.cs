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

    private readonly LsmEngine _engine;
    private readonly AutoResetEvent _commit = new(false);
    private readonly AutoResetEvent _flush = new(false);
    private readonly AutoResetEvent _compaction = new(false);
    private readonly Thread[] _threads;
    private volatile bool _stop;

    public LsmLoop(LsmEngine engine)
    {
        _engine = engine;
        _threads =
        [
            NewThread("lsm-flush", () => Run(_flush, engine.RunFlushOnce, NoRest, () => IdleWait)),
            NewThread("lsm-compaction", () => Run(
                // A scrub has the time that compaction leaves.
                _compaction, () => engine.RunCompactionOnce() || engine.RunScrubOnce(), engine.CompactionRest, WaitForScrub)),
            NewThread("lsm-commit", () => Run(_commit, engine.RunCommitOnce, NoRest, () => IdleWait)),
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

    public void WakeCompaction() => _compaction.Set();

    /// <summary>Stops and joins the threads; a step under way is finished first.</summary>
    public void Dispose()
    {
        _stop = true;
        _commit.Set();
        _flush.Set();
        _compaction.Set();
        foreach (Thread thread in _threads) thread.Join();
    }

    private static Thread NewThread(string name, ThreadStart run) => new(run) { Name = name, IsBackground = true };

    private static TimeSpan NoRest() => TimeSpan.Zero;

    private TimeSpan WaitForScrub()
    {
        TimeSpan wait = _engine.ScrubWait();
        return wait < IdleWait ? wait : IdleWait;
    }

    private void Run(AutoResetEvent wake, Func<bool> step, Func<TimeSpan> rest, Func<TimeSpan> idle)
    {
        while (!_stop)
        {
            if (!step())
            {
                wake.WaitOne(_engine.IsDiskFull ? _engine.DiskFullRetry : idle());
                continue;
            }

            TimeSpan pause = rest();
            if (pause > TimeSpan.Zero) wake.WaitOne(pause);
        }
    }
}
