namespace NoriKV.Node.Replication;

/// <summary>
/// Wakes a loop that sleeps because there was nothing to do. Setting it again before it woke costs no system call, and setting
/// one that nobody sleeps on never does: an owner who steps the node himself asks for it.
/// </summary>
internal sealed class StepSignal : IDisposable
{
    private AutoResetEvent? _event;
    private int _set;

    /// <summary>True while what it was set for was not taken.</summary>
    public bool IsSet => Volatile.Read(ref _set) != 0;

    public void Set()
    {
        if (Interlocked.Exchange(ref _set, 1) != 0) return;
        try
        {
            Volatile.Read(ref _event)?.Set();
        }
        catch (ObjectDisposedException)
        {
            // Nobody sleeps on it any more: a frame that came just when its node closed.
        }
    }

    /// <summary>Before the first wait. What was set before ends that wait at once.</summary>
    public void Attach() => Interlocked.CompareExchange(ref _event, new AutoResetEvent(true), null);

    /// <summary>Waits until set, at most the given time (-1: for ever).</summary>
    public void Wait(int milliseconds)
    {
        _event!.WaitOne(milliseconds);
        // Cleared before the work that follows, with a full fence: what arrives during it sets the signal again.
        Interlocked.Exchange(ref _set, 0);
    }

    /// <summary>Instead of waiting: true when it was set since the last time.</summary>
    public bool TryTake() => IsSet && Interlocked.Exchange(ref _set, 0) != 0;

    public void Dispose() => _event?.Dispose();
}
