namespace NoriKV.Server.Live;

/// <summary>The newest events of all nodes in the order in which they arrived, numbered, for those who watch.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class LiveEventLog
{
    private const int Kept = 1024;

    private readonly Lock _lock = new(); // Guards all below.
    private readonly ReadOnlyMemory<byte>[] _events = new ReadOnlyMemory<byte>[Kept];
    private long _added;
    private long _elided;

    /// <summary>Events added so far: the number of the last one.</summary>
    public long Added
    {
        get
        {
            lock (_lock) return _added;
        }
    }

    /// <summary>Adds what a node told, and how many it left out.</summary>
    public void Add(IReadOnlyList<ReadOnlyMemory<byte>> events, uint elided)
    {
        lock (_lock)
        {
            _elided += elided;
            foreach (ReadOnlyMemory<byte> e in events) _events[_added++ % Kept] = e;
        }
    }

    /// <summary>The events behind a number, oldest first, at most so many: of more the newest.</summary>
    /// <returns>They, the number of the last of them, and how many were left out since the log began.</returns>
    public (IReadOnlyList<ReadOnlyMemory<byte>> Events, long Through, long Elided) After(long number, int most)
    {
        lock (_lock)
        {
            if (number > _added) number = 0;
            long from = Math.Max(number, _added - Math.Min(most, Kept));
            var events = new ReadOnlyMemory<byte>[_added - from];
            for (long i = from; i < _added; i++) events[i - from] = _events[i % Kept];
            return (events, _added, _elided + (from - number));
        }
    }
}
