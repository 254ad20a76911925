using NoriKV.Client;
using NoriKV.TestKit.Linearizability;
using NoriKV.Types;

namespace NoriKV.TestKit.Recording;

/// <summary>
/// Notes what an application called and what it got, for <see cref="LinearizabilityChecker"/>: wrap each store that the
/// application uses, run it, check <see cref="History"/>.
/// </summary>
/// <remarks>
/// Thread-safe. Time is a counter of calls and returns. The client of a call is the lowest number that was free: calls that
/// overlap have different ones. What cannot be judged is left out: reads that may be stale, keys that were written with a time
/// to live, conditions on a version that was never seen.
/// </remarks>
public sealed class HistoryRecorder
{
    private readonly Lock _lock = new();

    // Guarded by _lock.
    private readonly List<Operation> _history = [];
    private readonly HashSet<string> _expiring = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Key, KvVersion Version), string> _values = [];
    private readonly Dictionary<(string Key, string Id), Once> _once = [];
    private readonly SortedSet<int> _freeClients = [];
    private int _clients;
    private long _now;

    /// <summary>What was recorded so far, in the order of returns; without keys that expire.</summary>
    public IReadOnlyList<Operation> History
    {
        get
        {
            lock (_lock) return [.. _history.Where(o => !_expiring.Contains(o.Key))];
        }
    }

    /// <summary>Keys written with a time to live: their histories are not judged.</summary>
    public IReadOnlyCollection<string> KeysLeftOut
    {
        get
        {
            lock (_lock) return [.. _expiring.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>A store that does what <paramref name="store"/> does, and records it. Disposing it disposes that store.</summary>
    public INoriKV Wrap(INoriKV store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return new RecordingNoriKV(store, this);
    }

    /// <summary>Checks what was recorded; for an assertion with a message that shows the contradiction.</summary>
    /// <exception cref="NotLinearizableException">It could not have come from a single store; the message draws why.</exception>
    /// <exception cref="InvalidOperationException">A key has more possible orders than can be looked at.</exception>
    public void ThrowIfNotLinearizable()
    {
        Verdict verdict = LinearizabilityChecker.CheckAll(History);
        if (verdict.Contradiction is { } contradiction) throw new NotLinearizableException(contradiction);
        if (verdict.IsLinearizable) return;
        throw new InvalidOperationException(
            $"key {verdict.UndecidedKeys[0]} has more possible orders than can be looked at: record fewer calls that overlap on one key");
    }

    internal long Now()
    {
        lock (_lock) return _now++;
    }

    /// <summary>A call begins. Calls with one idempotency key are one: it takes effect once, at some time since the first.</summary>
    internal RecordedCall Begin(string key, string? idempotencyKey)
    {
        lock (_lock)
        {
            int client = _freeClients.Count > 0 ? _freeClients.Min : ++_clients;
            _freeClients.Remove(client);
            RecordedCall call = new(client, _now++, idempotencyKey is null ? null : (key, idempotencyKey));
            if (call.Id is { } id) _once.TryAdd(id, new Once(call.At));
            return call;
        }
    }

    /// <summary>Nothing to learn from it.</summary>
    internal void Drop(RecordedCall call)
    {
        lock (_lock) _freeClients.Add(call.Client);
    }

    internal void End(RecordedCall call, Operation operation, bool isKnown)
    {
        lock (_lock)
        {
            _freeClients.Add(call.Client);
            operation = operation with
            {
                Client = call.Client, Called = call.At, Returned = isKnown ? _now++ : Operation.Unknown,
            };
            if (call.Id is { } id) AddOnceLocked(_once[id], operation);
            else _history.Add(operation);
        }
    }

    /// <summary>A pair of a scan: read at some moment since the scan was called.</summary>
    internal void AddScanned(long called, Operation operation)
    {
        lock (_lock) _history.Add(operation with { Client = NewClientLocked(), Called = called, Returned = _now++ });
    }

    internal void NoteExpiring(string key)
    {
        lock (_lock) _expiring.Add(key);
    }

    internal void NoteVersion(string key, KvVersion version, string value)
    {
        lock (_lock) _values[(key, version)] = value;
    }

    internal string? ValueOf(string key, KvVersion version)
    {
        lock (_lock) return _values.GetValueOrDefault((key, version));
    }

    private void AddOnceLocked(Once once, Operation operation)
    {
        if (once.IsKnown) return;
        if (once.Place is not { } place)
        {
            once.Place = place = _history.Count;
            _history.Add(operation);
        }

        // Since the first of them; its own client has called other things meanwhile.
        if (operation.Called != once.At) operation = operation with { Client = NewClientLocked(), Called = once.At };
        _history[place] = operation;
        once.IsKnown = operation.IsKnown;
    }

    // One that nobody had before, so that it cannot have another call open; free for others from now on.
    private int NewClientLocked()
    {
        _freeClients.Add(++_clients);
        return _clients;
    }

    private sealed class Once(long at)
    {
        public long At { get; } = at;

        public int? Place { get; set; }

        public bool IsKnown { get; set; }
    }
}
