using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// The end of the log in memory: all that is not durable yet, and durable entries as far as there is room. What lies
/// before it is read from the log. Owner only.
/// </summary>
internal sealed class EntryTail(IRaftLog log, LogIndex last, long bytesMax) : IEntrySource
{
    private const long ReadAheadBytes = 256 << 10;

    // Entries of appends and proposals that the core has in its log, until a Ready names them.
    private readonly Dictionary<(LogIndex Index, Term Term), RaftEntry> _staged = [];
    private readonly List<RaftEntry> _readAhead = [];

    // Consecutive; those before _head are gone.
    private readonly List<RaftEntry> _entries = [];
    private int _head;
    private LogIndex _last = last;

    /// <summary>What it holds, in bytes.</summary>
    public long Bytes { get; private set; }

    private LogIndex First => new(_last.Value + 1 - (ulong)(_entries.Count - _head));

    /// <summary>Holds an entry until a Ready names it.</summary>
    public void Stage(in RaftEntry entry) => _staged[(entry.Index, entry.Term)] = entry;

    /// <summary>Forgets what is staged: the core wants nothing stored, so it took none of it.</summary>
    public void Unstage() => _staged.Clear();

    /// <summary>The entries that a Ready wants stored, with their bytes; they are the end of the log from now on.</summary>
    public RaftEntry[] Take(Ready ready)
    {
        EntryRange range = ready.Entries;
        RaftEntry[] taken = new RaftEntry[range.Count];
        for (int i = 0; i < taken.Length; i++) taken[i] = Find(ready, range.First + (ulong)i);
        if (taken.Length > 0) Replace(taken);
        // All that the core accepted was named just now; what is left it did not accept.
        _staged.Clear();
        return taken;
    }

    /// <summary>A snapshot takes the place of the log.</summary>
    public void Reset(LogIndex index)
    {
        _entries.Clear();
        _readAhead.Clear();
        (_head, _last, Bytes) = (0, index, 0);
    }

    /// <summary>Gives up the oldest entries beyond the limit, as far as they are durable.</summary>
    public void Evict(LogIndex durable)
    {
        while (Bytes > bytesMax && _head < _entries.Count && _entries[_head].Index <= durable)
        {
            Bytes -= _entries[_head].Size;
            _entries[_head++] = default;
        }

        if (_head < 1024 || _head < _entries.Count / 2) return;
        _entries.RemoveRange(0, _head);
        _head = 0;
    }

    /// <inheritdoc/>
    public RaftEntry GetEntry(LogIndex index, Term term)
    {
        if (!TryFind(index, out RaftEntry entry)) entry = ReadFromLog(index, term);
        if (entry.Index == index && entry.Term == term) return entry;
        throw new InvalidOperationException($"the log holds {entry} where {index}@{term} should be");
    }

    private bool TryFind(LogIndex index, out RaftEntry entry)
    {
        entry = default;
        if (index < First || index > _last) return false;
        entry = _entries[_head + (int)(index - First)];
        return true;
    }

    // A replica that lags reads on and on: one read of the log serves many entries.
    private RaftEntry ReadFromLog(LogIndex index, Term term)
    {
        if (_readAhead.Count > 0 && index >= _readAhead[0].Index)
        {
            ulong at = index - _readAhead[0].Index;
            if (at < (ulong)_readAhead.Count && _readAhead[(int)at].Term == term) return _readAhead[(int)at];
        }

        _readAhead.Clear();
        log.Read(index, First.Previous, ReadAheadBytes, _readAhead);
        return _readAhead.Count > 0 ? _readAhead[0] : default;
    }

    private RaftEntry Find(Ready ready, LogIndex index)
    {
        Term term = ready.Entries.TermAt(index);
        if (_staged.TryGetValue((index, term), out RaftEntry staged)) return staged;
        if (index == ready.NoOp) return new RaftEntry(index, term, EntryType.NoOp, default);
        Configuration? made = ready.Entries.ConfigurationAt(index);
        Invariant.Assert(made is not null);
        return new RaftEntry(index, term, EntryType.Configuration, ConfigurationCodec.Encode(made));
    }

    private void Replace(RaftEntry[] entries)
    {
        Invariant.Assert(entries[0].Index <= _last.Next);
        while (_last >= entries[0].Index)
        {
            if (_entries.Count > _head)
            {
                Bytes -= _entries[^1].Size;
                _entries.RemoveAt(_entries.Count - 1);
                _last = _last.Previous;
            }
            else
            {
                // Evicted: they were durable, and are replaced all the same.
                _last = entries[0].Index.Previous;
            }
        }

        foreach (RaftEntry entry in entries)
        {
            _entries.Add(entry);
            Bytes += entry.Size;
        }

        _last = entries[^1].Index;
    }
}
