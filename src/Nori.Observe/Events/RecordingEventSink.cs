namespace Nori.Observe;

/// <summary>
/// Keeps the first events as they were emitted, for tests to assert on. It boxes: not for production.
/// </summary>
/// <param name="capacity">How many are kept; later ones are counted in <see cref="Dropped"/>.</param>
/// <remarks>Thread-safe.</remarks>
public sealed class RecordingEventSink(int capacity = 100_000) : IEventSink
{
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private readonly List<IEvent> _events = [];
    private long _dropped;

    /// <summary>A copy of the events kept, in the order emitted.</summary>
    public IReadOnlyList<IEvent> Events
    {
        get
        {
            lock (_gate) return _events.ToArray();
        }
    }

    /// <summary>Events that came when it was full.</summary>
    public long Dropped
    {
        get
        {
            lock (_gate) return _dropped;
        }
    }

    /// <summary>The events of one type, in the order emitted.</summary>
    public IReadOnlyList<T> OfType<T>()
        where T : struct, IEvent => Events.OfType<T>().ToArray();

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _events.Clear();
            _dropped = 0;
        }
    }

    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent
    {
        lock (_gate)
        {
            if (_events.Count < capacity) _events.Add(e);
            else _dropped++;
        }
    }
}
