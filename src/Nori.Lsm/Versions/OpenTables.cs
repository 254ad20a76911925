using Nori.Core;

namespace Nori.Lsm.Versions;

/// <summary>
/// The clock over the open tables: when there are too many, or their readers take too much memory, it closes the next one
/// that was not used since the hand came by.
/// </summary>
internal sealed class OpenTables(int tablesMax, long bytesMax)
{
    // Guards all below, and ClockIndex of the tables.
    private readonly Lock _lock = new();
    private readonly List<(TableFile File, long Bytes)> _ring = [];
    private long _bytes;
    private int _hand;

    public (int Tables, long Bytes) Now
    {
        get
        {
            lock (_lock) return (_ring.Count, _bytes);
        }
    }

    /// <summary>The table was opened; others may be closed for it.</summary>
    public void Add(TableFile file, long bytes)
    {
        lock (_lock)
        {
            Invariant.Assert(file.ClockIndex < 0);
            while (_ring.Count > 0 && (_ring.Count >= tablesMax || (bytesMax > 0 && _bytes + bytes > bytesMax))) CloseOneLocked();
            file.ClockIndex = _ring.Count;
            _ring.Add((file, bytes));
            _bytes += bytes;
        }
    }

    /// <summary>The table goes; nothing when it is not open.</summary>
    public void Remove(TableFile file)
    {
        lock (_lock)
        {
            if (file.ClockIndex >= 0) RemoveLocked(file);
        }
    }

    private void CloseOneLocked()
    {
        for (int passed = 0; ; passed++)
        {
            if (_hand >= _ring.Count) _hand = 0;
            TableFile victim = _ring[_hand].File;
            // Bounded: readers may mark them as fast as the hand moves.
            if (victim.TakeWasUsed() && passed <= _ring.Count)
            {
                _hand++;
                continue;
            }

            RemoveLocked(victim);
            // Under the lock: whoever opens it again adds it behind this.
            victim.CloseReader();
            return;
        }
    }

    private void RemoveLocked(TableFile file)
    {
        int at = file.ClockIndex;
        _bytes -= _ring[at].Bytes;
        _ring[at] = _ring[^1];
        _ring[at].File.ClockIndex = at;
        _ring.RemoveAt(_ring.Count - 1);
        file.ClockIndex = -1;
    }
}
