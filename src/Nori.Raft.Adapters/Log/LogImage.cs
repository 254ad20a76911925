using Nori.Core;
using Nori.Raft.Core;
using Nori.Wal;

namespace Nori.Raft.Adapters;

/// <summary>
/// What a log holds, without the bytes: rebuilt from its records at the start, and kept up to date with each write in the
/// same way. Not thread-safe.
/// </summary>
internal sealed class LogImage
{
    private readonly List<RecordRef> _records = [];
    private readonly List<ConfigurationEntry> _configurations = [];
    private TermSpans _terms = new();

    // The segments with the entries before these were deleted after a cut that is still to come.
    private bool _awaitsCut;
    private int _bases;

    public RaftLogBase? Base { get; private set; }

    public HardState HardState { get; private set; }

    /// <summary>Where the newest hard state lies.</summary>
    public WalPosition HardStateAt { get; private set; }

    public bool IsDamaged { get; private set; }

    /// <summary>What the entries take, in bytes, roughly.</summary>
    public long Bytes => _records.Sum(r => (long)r.StoredBytes);

    public LogIndex LastIndex => _terms.LastIndex;

    /// <summary>The first record that is still needed; null when none is.</summary>
    public WalPosition? Oldest => _records.Count > 0 ? _records[0].Position : null;

    public RaftState? ToState() => Base is null ? null : new RaftState
    {
        HardState = HardState with { Commit = LogIndex.Min(HardState.Commit, LastIndex) },
        BaseIndex = _terms.BaseIndex,
        BaseTerm = _terms.BaseTerm,
        Terms = _terms.Spans.ToArray(),
        LastIndex = LastIndex,
        LogBytes = Bytes,
        BaseConfiguration = Base.Configuration,
        Configurations = _configurations.ToArray(),
        IsDamaged = IsDamaged,
    };

    /// <summary>
    /// True behind damage that no opening has seen yet: what was written there was written on top of what is lost, and is
    /// not to be joined to what stands before.
    /// </summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Something is lost here.</summary>
    public void Freeze() => IsFrozen = IsDamaged = true;

    /// <summary>From here on entries were written by one who knew of the damage.</summary>
    public void Thaw() => IsFrozen = false;

    public void Apply(RaftLogWrite write, WalPosition position, int storedBytes)
    {
        if (write.Base is { } start) Begin(start);
        if (write.HardState is { } hard) (HardState, HardStateAt) = (hard, position);
        if (write.IsDamaged is { } damaged) IsDamaged = damaged;
        if (write.Entries.Count > 0) Append(write.Entries, position, storedBytes);
    }

    /// <summary>All records were seen: a cut that did not come is lost.</summary>
    public void End()
    {
        if (!_awaitsCut || Base is null) return;
        (_awaitsCut, _terms) = (false, new TermSpans(Base.Index, Base.Term));
        _records.Clear();
        _configurations.Clear();
        Freeze();
    }

    /// <summary>The record that holds an entry.</summary>
    public bool TryFind(LogIndex index, out RecordRef found)
    {
        int low = 0, high = _records.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            found = _records[middle];
            if (index < found.First) high = middle - 1;
            else if (index > found.Last) low = middle + 1;
            else return true;
        }

        found = default;
        return false;
    }

    private void Begin(RaftLogBase start)
    {
        // A copy at the beginning of a segment, of what is known already.
        bool isCopy = Base is not null && !start.IsReset && start.Index <= Base.Index;
        if (isCopy) return;
        _bases++;
        if (_awaitsCut && start.Index >= _terms.BaseIndex) BeginBehindCut(start);
        // Entries that do not reach up to it were lost to damage: what follows stands behind it all the same.
        bool isReset = start.IsReset || Base is null || start.Index > _terms.LastIndex;
        if (isReset) _terms = new TermSpans(start.Index, start.Term);
        else _terms.TruncatePrefix(start.Index);
        // A snapshot takes the place of all that was: what follows stands on it, not on what is lost.
        if (start.IsReset) Thaw();
        if (isReset) _records.Clear();
        else Cut(start.Index);
        _configurations.RemoveAll(c => isReset || c.Index <= start.Index);
        Base = start with { IsReset = false };
    }

    // The cut that the first entries waited for: now the term before them is known.
    private void BeginBehindCut(RaftLogBase start)
    {
        _awaitsCut = false;
        if (start.Index != _terms.BaseIndex) return;
        TermSpans known = new(start.Index, start.Term);
        for (int i = 0; i < _terms.Spans.Count; i++)
        {
            LogIndex next = i + 1 < _terms.Spans.Count ? _terms.Spans[i + 1].First : _terms.LastIndex.Next;
            known.Append(_terms.Spans[i].Term, next - _terms.Spans[i].First);
        }

        _terms = known;
    }

    private void Cut(LogIndex index)
    {
        int gone = _records.FindIndex(r => r.Last > index);
        _records.RemoveRange(0, gone < 0 ? _records.Count : gone);
        if (_records.Count > 0 && _records[0].First <= index) _records[0] = _records[0] with { First = index.Next };
    }

    private void Append(IReadOnlyList<RaftEntry> entries, WalPosition position, int storedBytes)
    {
        LogIndex first = entries[0].Index, last = entries[^1].Index;
        if (Base is not null && _bases == 1 && _records.Count == 0 && !IsFrozen && first > _terms.LastIndex.Next)
        {
            (_awaitsCut, _terms) = (true, new TermSpans(first.Previous));
        }

        if (Base is null || first > _terms.LastIndex.Next) Freeze();
        if (IsFrozen) return;

        // A copy, made by a cut, of what has gone since.
        if (last <= _terms.BaseIndex) return;
        first = LogIndex.Max(first, _terms.BaseIndex.Next);
        Truncate(first);
        foreach (RaftEntry entry in entries)
        {
            if (entry.Index < first) continue;
            Invariant.Assert(entry.Term >= _terms.LastTerm);
            _terms.Append(entry.Term, 1);
            if (entry.Type == EntryType.Configuration
                && ConfigurationCodec.TryDecode(entry.Data.Span, out Configuration configuration))
                _configurations.Add(new ConfigurationEntry(entry.Index, configuration));
        }

        _records.Add(new RecordRef(first, last, position, storedBytes));
    }

    private void Truncate(LogIndex from)
    {
        if (from > _terms.LastIndex) return;
        _terms.TruncateSuffix(from);
        while (_records.Count > 0 && _records[^1].First >= from) _records.RemoveAt(_records.Count - 1);
        if (_records.Count > 0 && _records[^1].Last >= from) _records[^1] = _records[^1] with { Last = from.Previous };
        _configurations.RemoveAll(c => c.Index >= from);
    }
}
