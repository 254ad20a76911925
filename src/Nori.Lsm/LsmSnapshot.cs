namespace Nori.Lsm;

/// <summary>
/// A view of the data as of one moment. Hold it briefly: what it sees is not reclaimed. Dispose releases it.
/// </summary>
/// <remarks>Thread-safe; dispose is idempotent.</remarks>
public sealed class LsmSnapshot : IDisposable
{
    private Action<LsmSnapshot>? _release;

    internal LsmSnapshot(ulong sequence, Action<LsmSnapshot> release)
    {
        Sequence = sequence;
        _release = release;
    }

    /// <summary>The sequence number of the last write it sees.</summary>
    public ulong Sequence { get; }

    internal bool IsDisposed => Volatile.Read(ref _release) is null;

    /// <summary>Lets go of what only this snapshot sees.</summary>
    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke(this);
}
