namespace NoriKV.Storage.RocksDb;

/// <summary>The thread that flushes; the only place of the package that starts one, and it only calls steps.</summary>
internal sealed class RocksDbLoop : IDisposable
{
    private static readonly TimeSpan RetryWait = TimeSpan.FromSeconds(1);

    private readonly Func<bool> _step;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private volatile bool _stop;

    public RocksDbLoop(Func<bool> step)
    {
        _step = step;
        _thread = new Thread(Run) { Name = "rocksdb-flush", IsBackground = true };
    }

    public void Start() => _thread.Start();

    public void Wake() => _wake.Set();

    /// <summary>Stops and joins the thread; a step under way is finished first.</summary>
    public void Dispose()
    {
        _stop = true;
        _wake.Set();
        _thread.Join();
        _wake.Dispose();
    }

    private void Run()
    {
        while (!_stop)
        {
            if (!_step()) _wake.WaitOne(RetryWait);
        }
    }
}
