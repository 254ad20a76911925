namespace Nori.Observe;

/// <summary>
/// One watcher of an <see cref="EventRing"/>: a position and a count of what it missed. Needs no closing.
/// </summary>
/// <remarks>Not thread-safe: one reader.</remarks>
public sealed class EventSubscription
{
    private readonly EventRing _ring;
    private long _next;

    internal EventSubscription(EventRing ring, long next)
    {
        _ring = ring;
        _next = next;
    }

    /// <summary>Events overwritten before this watcher came to read them.</summary>
    public long Dropped { get; private set; }

    /// <summary>The number behind which the next event is: what was read, or overwritten before.</summary>
    public long Position => _next - 1;

    /// <summary>Takes the next event into <paramref name="target"/>; false when there is none yet.</summary>
    public bool TryRead(EventRecord target)
    {
        if (!_ring.TryRead(_next, target)) return false;
        Dropped += target.Sequence - _next;
        _next = target.Sequence + 1;
        return true;
    }

    /// <summary>Completes when <see cref="TryRead"/> will succeed.</summary>
    public Task WaitAsync(CancellationToken cancellationToken = default) =>
        _ring.Arrival(_next).WaitAsync(cancellationToken);
}
