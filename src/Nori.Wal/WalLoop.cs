namespace Nori.Wal;

/// <summary>The log's one thread: writes and syncs while callers gather the next round.</summary>
internal sealed class WalLoop(Wal wal, TimeSpan idleMarkDelay) : IDisposable
{
    private readonly AutoResetEvent _signal = new(false);

    public void Start() => new Thread(Run) { IsBackground = true, Name = "wal" }.Start();

    public void Wake() => _signal.Set();

    /// <summary>After <see cref="Wal.Finish"/>.</summary>
    public void Dispose() => _signal.Dispose();

    private void Run()
    {
        try
        {
            while (wal.WaitForWork(_signal, idleMarkDelay)) wal.RunOnce();
        }
        catch (Exception e)
        {
            wal.FailEverybody(e);
        }

        wal.Finish();
    }
}
