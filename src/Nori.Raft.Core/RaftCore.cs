using Nori.Core;

namespace Nori.Raft.Core;

/// <summary>
/// One replica of one consensus group as a deterministic state machine: messages, ticks and requests in, one
/// <see cref="Ready"/> out. Equal inputs give equal outputs. It keeps term boundaries and indexes, never the
/// bytes of an entry; of all entries it reads only configurations.
/// </summary>
/// <remarks>
/// Not thread-safe: one owner. A broken invariant throws <see cref="InvariantException"/>; the replica must
/// then stop, its state is not to be used again. The rules and where each is kept: docs/raft.md.
/// </remarks>
public sealed partial class RaftCore
{
    // The order of files: this one (state, Step, Tick), Roles, Elections, Replication (a leader's side),
    // Following (the other side), Membership, Reads, Transfer, Hibernation, Damage, Ready, Invariants.
    private readonly RaftOptions _options;
    private readonly Prng _random;

    // Durable state and what is known of its durability; written only through Ready.
    private Term _term;
    private ReplicaId _vote;
    private LogIndex _commit;
    private readonly TermSpans _log;
    private readonly LogSizes _sizes;

    private ReplicaId _leader;
    private int _electionElapsed;
    private int _electionTimeout;
    private int _heartbeatElapsed;

    // Ticks since a leader was heard from: below the least election timeout this replica keeps its vote to
    // itself. Not reset by a change of term: the promise was made to a leader, and its lease counts on it.
    private int _sinceLeader;

    // Ticks during which nothing is granted after the start: the promise of the process before died with it.
    private int _silentTicks;

    /// <summary>Starts a replica from what its disk holds.</summary>
    /// <exception cref="ArgumentException">The options or the state contradict themselves.</exception>
    public RaftCore(RaftOptions options, RaftState state)
    {
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        _options = options;
        _random = new Prng(options.Seed);
        _log = Restore(state);
        _sizes = new LogSizes(_log.BaseIndex, _log.LastIndex, state.LogBytes);
        (_term, _vote) = (state.HardState.Term, state.HardState.Vote);
        _commit = LogIndex.Max(LogIndex.Max(state.HardState.Commit, state.Applied), _log.BaseIndex);
        if (state.IsDamaged) _commit = LogIndex.Min(_commit, _log.LastIndex);
        if (_commit > _log.LastIndex) throw new ArgumentException("more is committed or applied than the log holds");
        if (_term < _log.LastTerm) throw new ArgumentException("the log holds a later term than the hard state");

        _emitted = LogIndex.Max(state.Applied, _log.BaseIndex);
        if (_emitted > _commit) _emitted = _commit;
        _unstable = _log.LastIndex.Next;
        _durable = _log.LastIndex;
        _storedHardState = _durableHardState = new HardState(_term, _vote, _commit);
        _baseConfiguration = state.BaseConfiguration;
        foreach (ConfigurationEntry entry in state.Configurations)
            if (entry.Index > _log.BaseIndex && entry.Index <= _log.LastIndex) _configurations.Add(entry);
        _lease = new Lease(options.LeaseNanoseconds);
        _reads = new ReadIndexQueue(options.PendingReadsMax);
        _damaged = state.IsDamaged;
        _silentTicks = IsAlone || state.IsFirstLife ? 0 : options.ElectionTicksMin;
        _matchOf = id => id == Replica ? _durable.Value : FindProgress(id)?.Match.Value ?? 0;
        _roundOf = id => id == Replica ? _round : FindProgress(id)?.AckedRound ?? 0;
        _activeOf = id => id == Replica || FindProgress(id)?.RecentlyActive == true;
        _voteOf = id => _votes.TryGetValue(id, out bool vote) ? vote : null;
        DrawElectionTimeout();
        if (state.IsFirstLife) BeginFirstLife();
        CheckInvariants();
    }

    /// <summary>The group.</summary>
    public GroupId Group => _options.Group;

    /// <summary>This replica.</summary>
    public ReplicaId Replica => _options.Replica;

    /// <summary>What it is at the moment.</summary>
    public RaftRole Role { get; private set; }

    /// <summary>The latest term it knows.</summary>
    public Term Term => _term;

    /// <summary>Who got its vote in that term.</summary>
    public ReplicaId Vote => _vote;

    /// <summary>Who leads, as far as it knows; none.</summary>
    public ReplicaId Leader => _leader;

    /// <summary>Everything up to here is committed, as far as it knows.</summary>
    public LogIndex Commit => _commit;

    /// <summary>The last entry of its log, durable or not.</summary>
    public LogIndex LastIndex => _log.LastIndex;

    /// <summary>The term of that entry.</summary>
    public Term LastTerm => _log.LastTerm;

    /// <summary>The last place before its log.</summary>
    public LogIndex BaseIndex => _log.BaseIndex;

    /// <summary>Its log is durable up to here.</summary>
    public LogIndex DurableIndex => _durable;

    /// <summary>
    /// False keeps it from campaigning: for a machine that knows it is not well. It goes on voting and
    /// following.
    /// </summary>
    public bool IsEligible { get; set; } = true;

    /// <summary>The term of an entry, where it is still known.</summary>
    public bool TryGetTerm(LogIndex index, out Term term) => _log.TryGetTerm(index, out term);

    /// <summary>
    /// Takes a message of a peer. Entries of an append must be staged by (index, term) before: the next
    /// <see cref="Ready.Entries"/> may name them.
    /// </summary>
    public StepResult Step(in RaftMessage message)
    {
        if (message.Group != Group || message.To != Replica) return StepResult.Foreign;
        if (message.From.IsNone || message.From == Replica) return StepResult.Foreign;
        if (!IsWellFormed(message)) return StepResult.Malformed;

        StepResult result = StepAnyTerm(message);
        CheckInvariants();
        return result;
    }

    /// <summary>
    /// A tick of the clock has passed. Call it at most once per <see cref="RaftOptions.TickNanoseconds"/>:
    /// after a pause the missed ticks are left out, never made up for, or voters would forget their promises
    /// too early.
    /// </summary>
    public void Tick()
    {
        if (_silentTicks > 0) _silentTicks--;
        if (_sleep == SleepState.Asleep) return;
        if (_sinceLeader < _options.ElectionTicksMin) _sinceLeader++;
        _electionElapsed++;
        TickForwarded();
        if (Role == RaftRole.Leader) TickLeader();
        else TickElection();
        CheckInvariants();
    }

    private StepResult StepAnyTerm(in RaftMessage m)
    {
        bool asksForVote = m.Kind is MessageKind.Vote or MessageKind.PreVote;
        if (asksForVote && _sleep != SleepState.Awake)
        {
            _isWokenByVote = _sleep == SleepState.Asleep && Role == RaftRole.Follower;
            WakeUp();
        }

        // Also in the present term: who has only heard of it from others still owes loyalty to the leader of the one before.
        if (asksForVote && (m.Term > _term || (m.Kind == MessageKind.Vote && m.Term == _term)) && !MayVoteNow(m))
            return StepResult.Ignored;
        if (m.Term < _term) return StepEarlierTerm(m);
        bool isAboutFuture = m.Kind == MessageKind.PreVote
            || (m.Kind == MessageKind.PreVoteResponse && !m.IsRejected);
        if (m.Term > _term && !isAboutFuture)
            BecomeFollower(m.Term, IsFromLeader(m.Kind) ? m.From : ReplicaId.None);

        if (asksForVote) return StepVoteRequest(m);
        return Role switch
        {
            RaftRole.Leader => StepLeader(m),
            RaftRole.Follower => StepFollower(m),
            _ => StepCampaign(m),
        };
    }

    // No process before this one has promised anything to a leader, so there is nothing to keep silent for, and no leader to
    // wait for: who is first in turn stands at the first tick. The others wait a timeout: their processes may begin much earlier,
    // and would lead everything.
    private void BeginFirstLife()
    {
        if (_term.Value != 0 || _log.LastIndex.Value != 0) throw new ArgumentException("a first life begins with nothing");
        _sinceLeader = _options.ElectionTicksMin;
        if (Turn().Turn == 0) _electionTimeout = 1;
    }

    // Tells a leader of an earlier term, or a campaign for one, that time has gone on. Without this a replica
    // that won its pre-vote and lost its election could neither follow the old leader nor make it step down.
    private StepResult StepEarlierTerm(in RaftMessage m)
    {
        if (m.Kind is MessageKind.Append or MessageKind.Heartbeat or MessageKind.Snapshot)
            Send(m.From, MessageKind.AppendResponse, r => r with { IsRejected = true });
        else if (m.Kind == MessageKind.PreVote)
            Send(m.From, MessageKind.PreVoteResponse, r => r with { IsRejected = true });
        return StepResult.Ignored;
    }

    private static bool IsFromLeader(MessageKind kind) => kind is MessageKind.Append or MessageKind.Heartbeat
        or MessageKind.Snapshot or MessageKind.TimeoutNow or MessageKind.Hibernate or MessageKind.HealResponse;

    private static bool IsWellFormed(in RaftMessage m) => m.Kind switch
    {
        MessageKind.None => false,
        > MessageKind.HealResponse => false,
        MessageKind.Append => m.LogTerm <= m.Term && m.Entries.IsWellFormedBehind(m.Index, m.LogTerm)
            && (m.Entries.IsEmpty || m.Entries.Terms[^1].Term <= m.Term),
        MessageKind.Snapshot => m.Snapshot is { } s && s.Index.Value > 0 && s.Term.Value > 0 && s.Term <= m.Term
            && s.Configuration.Index <= s.Index && s.Configuration.Configuration.Voters.Count > 0,
        _ => true,
    };

    private static TermSpans Restore(RaftState state)
    {
        TermSpans log = new(state.BaseIndex, state.BaseTerm);
        if (state.LastIndex < state.BaseIndex) throw new ArgumentException("the log ends before its base");
        EntryRange held = state.LastIndex == state.BaseIndex
            ? EntryRange.Empty
            : new EntryRange(state.BaseIndex.Next, state.LastIndex, state.Terms, [], 0);
        if (!held.IsWellFormedBehind(state.BaseIndex, state.BaseTerm))
            throw new ArgumentException("the terms of the log contradict each other");
        AppendTo(log, held, held.First);
        return log;
    }
}
