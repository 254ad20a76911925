namespace Nori.Observe;

/// <summary>
/// The latest events, numbered, for those who watch: a new event overwrites the oldest. Emitting copies the
/// fields into a slot made beforehand, under a short lock, and allocates nothing; watchers never hold it up.
/// </summary>
/// <remarks>
/// Thread-safe. Each watcher is only a position in the ring, so the ring is everybody's bounded queue: one that
/// falls behind by more than <see cref="Capacity"/> events loses the oldest and is told how many.
/// </remarks>
public sealed class EventRing : IEventSink
{
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private readonly EventRecord[] _slots;
    private long _next = 1;
    private TaskCompletionSource? _arrival;

    /// <summary>An empty ring.</summary>
    /// <param name="capacity">How many events it remembers; about 400 bytes each.</param>
    /// <param name="time">Stamps the events; the system's clock when null.</param>
    public EventRing(int capacity = 1024, TimeProvider? time = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _time = time ?? TimeProvider.System;
        Epoch = _time.GetUtcNow().ToUnixTimeMilliseconds();
        _slots = new EventRecord[capacity];
        for (int i = 0; i < capacity; i++) _slots[i] = new EventRecord();
    }

    /// <summary>How many events it remembers.</summary>
    public int Capacity => _slots.Length;

    /// <summary>
    /// Whose numbers these are: when the ring was made, in milliseconds since 1970. Numbers begin anew in each process, so a
    /// position that outlives one is a number and its epoch.
    /// </summary>
    public long Epoch { get; }

    /// <summary>How many events were emitted so far; the sequence number of the last.</summary>
    public long Emitted
    {
        get
        {
            lock (_gate) return _next - 1;
        }
    }

    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent => Emit(e, _time.GetUtcNow());

    /// <summary>
    /// The same at a time that was read already: who gives one event to several rings reads the clock once, so that they agree.
    /// </summary>
    /// <param name="e">What happened.</param>
    /// <param name="at">When.</param>
    public void Emit<T>(in T e, DateTimeOffset at)
        where T : struct, IEvent
    {
        TaskCompletionSource? arrival;
        lock (_gate)
        {
            _slots[(_next - 1) % _slots.Length].Fill(_next, at, e);
            _next++;
            arrival = _arrival;
            _arrival = null;
        }

        // Outside the lock, and continuations run elsewhere: a watcher's code never runs on the emitter's thread.
        arrival?.TrySetResult();
    }

    /// <summary>Starts watching.</summary>
    /// <param name="afterSequence">
    /// The last sequence number already seen; 0 for all that is remembered; null for new events only.
    /// </param>
    public EventSubscription Subscribe(long? afterSequence = null)
    {
        lock (_gate) return new EventSubscription(this, Math.Clamp(afterSequence ?? _next - 1, 0, _next - 1) + 1);
    }

    /// <summary>
    /// Copies the event <paramref name="sequence"/>, or the oldest remembered after it, into the target.
    /// </summary>
    internal bool TryRead(long sequence, EventRecord target)
    {
        lock (_gate)
        {
            sequence = Math.Max(sequence, _next - _slots.Length);
            if (sequence >= _next) return false;
            target.CopyFrom(_slots[(sequence - 1) % _slots.Length]);
            return true;
        }
    }

    /// <summary>Completes when the event <paramref name="sequence"/> is there.</summary>
    internal Task Arrival(long sequence)
    {
        lock (_gate)
        {
            if (sequence < _next) return Task.CompletedTask;
            _arrival ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _arrival.Task;
        }
    }
}
