using Nori.Core;
using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>
/// What the log holds of one shard: the index over its entries and the newest of its small records.
/// </summary>
internal sealed class LogGroup(ShardId shard, ReplicaId replica, SegmentUsage usage)
{
    private readonly EntryTable _entries = new();
    private long _liveBytes;
    private ulong _doubtFrom;
    private ulong _unprovenFrom;

    public ShardId Shard { get; } = shard;

    public ReplicaId Replica { get; } = replica;

    public bool IsClean { get; private set; }

    public ulong PrefixIndex { get; private set; }

    public Term PrefixTerm { get; private set; }

    public HardState? HardState { get; private set; }

    /// <summary>Where the newest record of each small kind lies; default when there is none.</summary>
    public WalPosition HardStatePosition { get; private set; }

    public WalPosition PrefixPosition { get; private set; }

    public WalPosition CleanPosition { get; private set; }

    /// <summary>Where the newest Append of it lies.</summary>
    public WalPosition LastAppendPosition { get; private set; }

    /// <summary>What damage took, and where the record that says so lies.</summary>
    public LogMark Mark { get; private set; }

    public WalPosition MarkPosition { get; private set; }

    /// <summary>
    /// While reading at start: entries from here on may have been replaced by others that lay in damage; 0 none.
    /// </summary>
    public ulong DoubtFrom => _doubtFrom == 0 || (_unprovenFrom != 0 && _unprovenFrom < _doubtFrom) ? _unprovenFrom : _doubtFrom;

    public long LiveBytes => _liveBytes;

    public int EntryCount => _entries.Count;

    public ulong FirstIndex => _entries.Count == 0 ? PrefixIndex + 1 : _entries.First;

    public ulong LastIndex => _entries.Count == 0 ? PrefixIndex : _entries.Last;

    public Term LastTerm => _entries.Count == 0 ? PrefixTerm : _entries[_entries.Last].Term;

    public GroupState State => new(
        Shard,
        Replica,
        IsClean,
        new LogIndex(PrefixIndex),
        PrefixTerm,
        new LogIndex(LastIndex),
        LastTerm,
        HardState,
        _liveBytes)
    {
        Damage = Mark.Damage,
        DamagePlace = Mark.Place,
    };

    public bool TryGet(ulong index, out EntryRef entry)
    {
        entry = _entries.Contains(index) ? _entries[index] : default;
        return !entry.IsHole;
    }

    /// <summary>The lowest index in the table that is missing, or 0. Only reading at start can leave one.</summary>
    public ulong FirstHole()
    {
        if (_entries.Count == 0) return 0;
        if (_entries.First != PrefixIndex + 1) return PrefixIndex + 1;
        for (ulong i = _entries.First; i <= _entries.Last; i++)
        {
            if (_entries[i].IsHole) return i;
        }

        return 0;
    }

    public void Append(ulong index, EntryRef entry)
    {
        if (DoubtFrom != 0) Judge(index, entry.Term);
        // An entry of a higher number than the next one is found only at start, before what was moved behind it.
        while (_entries.Count > 0 && _entries.Last >= index) Drop(_entries.RemoveLast());
        Put(index, entry);
        LastAppendPosition = entry.Position;
    }

    /// <summary>Notes the new place of an entry, if the index still has that very entry at an older place.</summary>
    /// <param name="index">The entry's index.</param>
    /// <param name="entry">Its term and new place.</param>
    /// <param name="isStart">At start the old place may be gone with its segment: then the entry is new here.</param>
    /// <returns>True when it was taken.</returns>
    public bool Rewrite(ulong index, EntryRef entry, bool isStart)
    {
        if (index <= PrefixIndex) return false;
        if (TryGet(index, out EntryRef old))
        {
            if (old.Term != entry.Term || old.Position >= entry.Position) return false;
        }
        else if (!isStart)
        {
            return false;
        }

        Put(index, entry);
        return true;
    }

    /// <summary>Forgets entries up to the index, or all of them when a snapshot replaces the log.</summary>
    /// <remarks>
    /// The record says which: at start the entry at the index may be gone with its segment, so looking for it would
    /// tell
    /// nothing.
    /// </remarks>
    public void TruncatePrefix(ulong index, Term term, bool replacesLog, WalPosition position)
    {
        PrefixPosition = position;
        if (replacesLog)
        {
            Discard();
            ForgetDoubt();
        }

        if (index <= PrefixIndex && !replacesLog) return;
        while (_entries.Count > 0 && _entries.First <= index) Drop(_entries.RemoveFirst());
        PrefixIndex = index;
        PrefixTerm = term;
        if (_entries.Count == 0) _entries.RestartAt(index + 1);
    }

    public void SetHardState(HardState state, WalPosition position)
    {
        HardState = state;
        HardStatePosition = position;
    }

    /// <summary>A mark answers for all damage before it; a copy of one only says what it said.</summary>
    public void SetMark(LogMark mark, bool isCopy, WalPosition position)
    {
        Mark = mark;
        if (isCopy) return;
        MarkPosition = position;
        ForgetDoubt();
    }

    /// <summary>
    /// While reading at start: something unreadable came. It may have held entries that replaced some of these. Those that
    /// were known to be committed cannot have been; for the others the next append must prove it.
    /// </summary>
    public void NoteDamage()
    {
        ulong vouched = Math.Max(PrefixIndex, HardState?.Commit.Value ?? 0);
        if (LastIndex <= vouched) return;
        // What an earlier damage put in doubt stays so: the proof to come is about this one.
        KeepDoubt();
        _unprovenFrom = vouched + 1;
    }

    public void Clean(WalPosition position)
    {
        Discard();
        IsClean = true;
        HardState = null;
        HardStatePosition = PrefixPosition = LastAppendPosition = MarkPosition = default;
        Mark = default;
        ForgetDoubt();
        PrefixIndex = 0;
        PrefixTerm = default;
        _entries.RestartAt(1);
        CleanPosition = position;
    }

    /// <summary>Takes its entries out of the accounts.</summary>
    public void Discard()
    {
        while (_entries.Count > 0) Drop(_entries.RemoveLast());
    }

    /// <summary>
    /// An append of the same term as the last entry that stays before it proves that the damage in between replaced nothing
    /// up to there: one leader wrote both, and a leader never changes what it wrote (Raft §5.3). Any other proves nothing, and
    /// what follows it proves only itself. Doubtful entries that it cuts off are gone.
    /// </summary>
    private void Judge(ulong index, Term term)
    {
        bool isProof = _unprovenFrom != 0 && TryGet(Math.Min(index - 1, LastIndex), out EntryRef before) && before.Term == term;
        if (isProof) _unprovenFrom = 0;
        KeepDoubt();
        if (index <= _doubtFrom) _doubtFrom = 0;
    }

    private void KeepDoubt()
    {
        _doubtFrom = DoubtFrom;
        _unprovenFrom = 0;
    }

    private void ForgetDoubt()
    {
        _doubtFrom = 0;
        _unprovenFrom = 0;
    }

    private void Put(ulong index, EntryRef entry)
    {
        Drop(_entries.Set(index, entry));
        usage.Add(entry);
        _liveBytes += entry.StoredBytes;
    }

    private void Drop(EntryRef entry)
    {
        if (entry.IsHole) return;
        usage.Remove(entry);
        _liveBytes -= entry.StoredBytes;
        Invariant.Assert(_liveBytes >= 0);
    }
}
