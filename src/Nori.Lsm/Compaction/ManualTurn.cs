namespace Nori.Lsm.Compaction;

/// <summary>The compaction that was asked for, one at a time. Thread-safe.</summary>
internal sealed class ManualTurn
{
    private ManualCompaction? _current;

    /// <summary>Null when none is asked for.</summary>
    public ManualCompaction? Current => Volatile.Read(ref _current);

    /// <summary>Also in place of one that is not done, if its caller waits no more.</summary>
    public void Begin(ManualCompaction asked) => Volatile.Write(ref _current, asked);

    /// <summary>It is done. Another one may have taken its place since a step looked for it: that one goes on.</summary>
    public void End(ManualCompaction done)
    {
        Interlocked.CompareExchange(ref _current, null, done);
        done.Completion.TrySetResult();
    }

    /// <summary>None is done any more.</summary>
    public void Fail(Exception failure) => Interlocked.Exchange(ref _current, null)?.Completion.TrySetException(failure);
}
