using Nori.Core;

namespace Nori.Raft.Core;

// What goes out, and what comes back about its durability.
public sealed partial class RaftCore
{
    private readonly List<PendingReady> _pendingReadies = [];
    private readonly List<RaftMessage> _messages = [];
    private readonly List<RaftMessage> _afterPersist = [];
    private readonly List<ReadState> _readStates = [];
    private readonly List<SnapshotRequest> _snapshotRequests = [];
    private readonly List<RaftEvent> _events = [];
    private ulong _readyNumber;

    // The blank entry that this replica, perhaps no longer a leader, made last.
    private (LogIndex Index, Term Term) _noOp;

    // The first entry that no Ready has named yet.
    private LogIndex _unstable;
    private LogIndex _durable;
    private LogIndex _emitted;
    private HardState _storedHardState;
    private HardState _durableHardState;
    private SnapshotMeta? _pendingSnapshot;

    /// <summary>True when a Ready would hold something.</summary>
    public bool HasReady => _messages.Count > 0 || _afterPersist.Count > 0 || _readStates.Count > 0
        || _snapshotRequests.Count > 0 || _events.Count > 0 || _pendingSnapshot is not null
        || _unstable <= _log.LastIndex || _emitted < _commit || HardStateNow != _storedHardState
        || (IsAwakeLeader && (_appendsDue || MustOpenRound));

    private HardState HardStateNow => new(_term, _vote, _commit);

    private bool IsAwakeLeader => Role == RaftRole.Leader && _sleep == SleepState.Awake;

    /// <summary>
    /// Takes everything that is to be done now. See <see cref="Ready"/> for what must be durable before what.
    /// </summary>
    /// <param name="nowNanoseconds"> A monotonic clock that also counts suspension, looked at before this
    /// call: rounds of heartbeats count as sent from here on, and the lease with them.
    /// </param>
    public Ready TakeReady(long nowNanoseconds)
    {
        if (IsAwakeLeader && MustOpenRound) OpenRound(nowNanoseconds);
        if (IsAwakeLeader && _appendsDue) FlushAppends();

        HardState hard = HardStateNow;
        bool isPromise = hard.Term != _storedHardState.Term || hard.Vote != _storedHardState.Vote;
        EntryRange entries = _unstable <= _log.LastIndex ? Describe(_unstable, _log.LastIndex) : EntryRange.Empty;
        Ready ready = new()
        {
            Number = ++_readyNumber,
            HardState = hard == _storedHardState ? null : hard,
            Snapshot = _pendingSnapshot,
            Entries = entries,
            NoOp = _noOp.Index >= entries.First && _log.Matches(_noOp.Index, _noOp.Term) && !entries.IsEmpty
                ? _noOp.Index : default,
            Messages = Drain(_messages),
            MessagesAfterPersist = Drain(_afterPersist),
            Committed = (_emitted.Next, _commit),
            ReadStates = Drain(_readStates),
            SnapshotRequests = Drain(_snapshotRequests),
            Events = Drain(_events),
            MustSync = isPromise || !entries.IsEmpty || _pendingSnapshot is not null,
        };
        LogIndex last = entries.IsEmpty && _pendingSnapshot is null ? default : _log.LastIndex;
        _pendingReadies.Add(new PendingReady(ready.Number, last, hard));
        _storedHardState = hard;
        _unstable = _log.LastIndex.Next;
        _emitted = _commit;
        _pendingSnapshot = null;
        CheckInvariants();
        return ready;
    }

    /// <summary>
    /// A Ready and all before it are durable. Its <see cref="Ready.MessagesAfterPersist"/> may leave, and
    /// this replica's own copy and own vote count from now on.
    /// </summary>
    public void Advance(in Persisted persisted)
    {
        Invariant.Assert(persisted.Number <= _readyNumber);
        int done = 0;
        while (done < _pendingReadies.Count && _pendingReadies[done].Number <= persisted.Number)
        {
            PendingReady pending = _pendingReadies[done++];
            _durable = LogIndex.Max(_durable, pending.Last);
            _durableHardState = pending.HardState;
        }

        _pendingReadies.RemoveRange(0, done);
        CountOwnVote();
        AdvanceCommit();
        HealIfWhole();
        CheckInvariants();
    }

    private EntryRange Describe(LogIndex first, LogIndex last)
    {
        ConfigurationEntry[] configurations = [];
        if (_configurations.Count > 0 && _configurations[^1].Index >= first)
            configurations = _configurations.Where(c => c.Index >= first && c.Index <= last).ToArray();
        return new EntryRange(
            first, last, _log.Slice(first, last), configurations, _sizes.Between(first.Previous, last));
    }

    private RaftMessage NewMessage(ReplicaId to, MessageKind kind) =>
        new() { Kind = kind, Group = Group, From = Replica, To = to, Term = _term };

    private void Send(ReplicaId to, MessageKind kind, Func<RaftMessage, RaftMessage> fill) =>
        _messages.Add(fill(NewMessage(to, kind)));

    private void Send(in RaftMessage request, MessageKind kind, Func<RaftMessage, RaftMessage, RaftMessage> fill) =>
        _messages.Add(fill(NewMessage(request.From, kind), request));

    private void Emit(RaftEventKind kind, ReplicaId replica = default, LogIndex index = default) =>
        _events.Add(new RaftEvent(kind, _term, replica, index));

    private static T[] Drain<T>(List<T> list)
    {
        if (list.Count == 0) return [];
        T[] items = list.ToArray();
        list.Clear();
        return items;
    }

    private sealed class PendingReady(ulong number, LogIndex last, HardState hardState)
    {
        public ulong Number { get; } = number;

        // Lowered when what it wrote is cut off before it is durable.
        public LogIndex Last { get; set; } = last;

        public HardState HardState { get; } = hardState;
    }
}
