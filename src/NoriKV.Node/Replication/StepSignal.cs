namespace NoriKV.Node.Replication;

/// <summary>
/// Wakes a loop that sleeps because there was nothing to do. Setting it again before it woke costs no system call.
/// </summary>
internal sealed class StepSignal : IDisposable
{
    private readonly AutoResetEvent _event = new(false);
    private int _set;

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

    /// <summary>Waits until set, at most the given time (-1: for ever).</summary>
    public void Wait(int milliseconds)
    {
        _event.WaitOne(milliseconds);
        // Cleared before the work that follows, with a full fence: what arrives during it sets the signal again.
        Interlocked.Exchange(ref _set, 0);
    }

    public void Dispose() => _event.Dispose();
}
