namespace Nori.Raft;

/// <summary>A thread that steps one part of a replica, and rests while there is nothing to do.</summary>
internal sealed class RaftLoop(Func<bool> step, Func<bool> isStopped, TimeSpan restMax)
{
    private readonly object _gate = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isWoken;

    public Task Ended => _ended.Task;

    public void Start(string name) => new Thread(Run) { IsBackground = true, Name = name }.Start();

    public void Wake()
    {
        lock (_gate)
        {
            _isWoken = true;
            Monitor.Pulse(_gate);
        }
    }

    // A step never throws: what went wrong stops the replica, and with it the loop.
    private void Run()
    {
        while (!isStopped())
            if (!step()) Rest();
        _ended.SetResult();
    }

    private void Rest()
    {
        lock (_gate)
        {
            if (!_isWoken) Monitor.Wait(_gate, restMax);
            _isWoken = false;
        }
    }
}
