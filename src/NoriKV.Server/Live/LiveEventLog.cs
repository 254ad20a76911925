namespace NoriKV.Server.Live;

/// <summary>The newest events of all nodes in the order in which they arrived, numbered, for those who watch.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class LiveEventLog
{
    private const int Kept = 1024;

    private readonly Lock _lock = new(); // Guards all below.
    private readonly ReadOnlyMemory<byte>[] _events = new ReadOnlyMemory<byte>[Kept];
    private readonly bool[] _isKept = new bool[Kept];
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

    /// <summary>Events that nodes left out, as there were too many at once.</summary>
    public long Elided
    {
        get
        {
            lock (_lock) return _elided;
        }
    }

    /// <summary>Adds what a node told, and how many it left out.</summary>
    public void Add(IReadOnlyList<ReadOnlyMemory<byte>> events, uint elided)
    {
        lock (_lock)
        {
            _elided += elided;
            foreach (ReadOnlyMemory<byte> e in events)
            {
                _isKept[_added % Kept] = LiveEvents.IsKept(e.Span);
                _events[_added++ % Kept] = e;
            }
        }
    }

    /// <summary>
    /// The events behind a number, oldest first, at most so many: of more the newest, but those that are left out last before all others;
    /// of too many of these the oldest, and the rest is for the next time.
    /// </summary>
    /// <param name="number">The last one that the watcher has.</param>
    /// <param name="most">How many at most.</param>
    /// <param name="isNew">True for a watcher that has none yet: it gets the newest.</param>
    /// <returns>
    /// They, the number of the last of them, how many of those behind the number are left out here, and how many nodes left out
    /// since the log began.
    /// </returns>
    public (IReadOnlyList<ReadOnlyMemory<byte>> Events, long Through, long Skipped, long Elided) After(
        long number, int most, bool isNew = false)
    {
        lock (_lock)
        {
            if (number > _added) number = 0;
            long from = Math.Max(number, _added - (isNew ? Math.Min(most, Kept) : Kept)), through = _added;
            var chosen = new List<long>(most);
            for (long i = from; i < through; i++)
            {
                if (!_isKept[i % Kept]) continue;
                if (chosen.Count == most) through = i;
                else chosen.Add(i);
            }

            for (long i = through - 1; i >= from && chosen.Count < most; i--)
            {
                if (!_isKept[i % Kept]) chosen.Add(i);
            }

            chosen.Sort();
            return ([.. chosen.Select(i => _events[i % Kept])], through, through - number - chosen.Count, _elided);
        }
    }
}
