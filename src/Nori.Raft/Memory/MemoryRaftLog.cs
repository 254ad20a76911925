using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// A log in memory: for tests, and for replicas that may come back under another id instead of with their data. It outlives
/// the node that uses it, so a restart can be tried.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public sealed class MemoryRaftLog : IRaftLog
{
    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly List<RaftEntry> _entries = [];
    private RaftLogBase? _base;
    private HardState _hardState;
    private bool _isDamaged;

    /// <inheritdoc/>
    public RaftState? Open()
    {
        lock (_gate) return _base is null ? null : RaftStates.Describe(_base, _entries, _hardState, _isDamaged);
    }

    /// <inheritdoc/>
    public void Write(IReadOnlyList<RaftLogWrite> writes)
    {
        ArgumentNullException.ThrowIfNull(writes);
        lock (_gate)
            foreach (RaftLogWrite write in writes) WriteLocked(write);
    }

    /// <inheritdoc/>
    public void Read(LogIndex first, LogIndex last, long bytesMax, List<RaftEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        lock (_gate)
        {
            long bytes = 0;
            for (int i = (int)(first - _base!.Index) - 1; i < _entries.Count && _entries[i].Index <= last; i++)
            {
                bytes += _entries[i].Size;
                if (bytes > bytesMax && i >= 0 && _entries[i].Index > first) break;
                entries.Add(_entries[i]);
            }
        }
    }

    private void WriteLocked(RaftLogWrite write)
    {
        if (write.Base is { } start)
        {
            ulong dropped = start.IsReset || _base is null ? (ulong)_entries.Count : start.Index - _base.Index;
            _entries.RemoveRange(0, (int)Math.Min(dropped, (ulong)_entries.Count));
            _base = start;
        }

        foreach (RaftEntry entry in write.Entries)
        {
            // Cut off since the write was made: a snapshot holds it.
            if (entry.Index <= _base!.Index) continue;
            int at = (int)(entry.Index - _base.Index) - 1;
            if (at < _entries.Count) _entries.RemoveRange(at, _entries.Count - at);
            _entries.Add(entry);
        }

        if (write.HardState is { } hard) _hardState = hard;
        if (write.IsDamaged is { } damaged) _isDamaged = damaged;
    }
}
