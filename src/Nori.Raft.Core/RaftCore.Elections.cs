namespace Nori.Raft.Core;

// Raft §5.2 and §5.4.1; pre-vote and loyalty: dissertation §4.2.3, §6.4.1 and §9.6.
public sealed partial class RaftCore
{
    private readonly SortedList<ReplicaId, bool> _votes = [];
    private readonly Func<ReplicaId, bool?> _voteOf;
    private bool _isTransferCampaign;

    /// <summary>
    /// Campaigns now instead of at the next election timeout: for a driver that knows that there is no
    /// leader.
    /// </summary>
    /// <returns>False for one who may not lead, leads already, or still owes loyalty to a leader.</returns>
    public bool Campaign()
    {
        if (Role == RaftRole.Leader || !IsPromotable || IsLoyal || _silentTicks > 0) return false;
        if (_sleep != SleepState.Awake) WakeUp();
        StartPreVote();
        CheckInvariants();
        return true;
    }

    /// <summary>Gives up leadership, without a successor; nothing happens to others than leaders.</summary>
    public void Resign()
    {
        if (Role != RaftRole.Leader) return;
        Emit(RaftEventKind.Resigned);
        BecomeFollower(_term, ReplicaId.None);
        CheckInvariants();
    }

    // Who may stand for election: a voter with a whole log on a machine that is well.
    private bool IsPromotable => !_damaged && IsEligible && (Configuration.IsVoter(Replica) || IsStillNeeded);

    // "a server that is not part of its own latest configuration should still start new elections, as it
    // might still be needed until the Cnew entry is committed" (dissertation §4.2.2): it may be the only one
    // that holds that entry. Its own vote does not count.
    private bool IsStillNeeded =>
        ConfigurationIndex > _commit && ConfigurationAt(_commit).Configuration.IsVoter(Replica);

    // "if a server receives a RequestVote request within the minimum election timeout of hearing from a
    // current leader, it does not update its term or grant its vote" (dissertation §4.2.3). A sleeping
    // replica trusts that its node watches the leader's.
    private bool IsLoyal => Role == RaftRole.Leader || _sleep == SleepState.Asleep
        || (_sinceLeader < _options.ElectionTicksMin && !IsAlone);

    // The only voter owes nothing to anybody and waits for nobody. But not while its configuration is not
    // committed: the leader that removes itself is not in it, leads on until then, and may hold a lease on
    // this replica's loyalty.
    private bool IsAlone => Configuration.IsOnlyVoter(Replica) && ConfigurationIndex <= _commit;

    private bool MayVoteNow(in RaftMessage m) => _silentTicks == 0 && (m.IsTransfer || !IsLoyal);

    private void TickElection()
    {
        bool isOver = _electionElapsed >= _electionTimeout;
        if (!IsPromotable || _silentTicks > 0)
        {
            if (isOver && !_leader.IsNone) LoseLeader();
            if (isOver && _damaged) WakeOthers();
            return;
        }

        if (!isOver && !IsAlone)
        {
            AskAgain();
            return;
        }

        // Its own vote is on its way to the disk; there is no other to ask for.
        if (Role == RaftRole.Candidate && IsAlone) return;
        StartPreVote();
    }

    // Whoever may not stand sees all the same that nobody leads: a driver that lets it stand where nobody better does counts
    // from here. It may be granted to another in this term, as by one that stands: the leader has its majority already.
    private void LoseLeader()
    {
        _leader = ReplicaId.None;
        Emit(RaftEventKind.BecameFollower);
    }

    // A damaged replica that hears of no leader wants none of their votes, but a leader that sleeps would never
    // learn that it has to heal it: a group asleep is woken by a request for a vote. Whoever grants has done
    // nothing, and the answer finds a follower.
    private void WakeOthers()
    {
        _electionElapsed = 0;
        AskForVotes(MessageKind.PreVote, _term.Next, afterPersist: false);
    }

    private void StartPreVote()
    {
        BecomePreCandidate();
        _votes[Replica] = true;
        if (Tally() == VoteResult.Won)
        {
            StartElection(isTransfer: false);
            return;
        }

        AskForVotes(MessageKind.PreVote, _term.Next, afterPersist: false);
    }

    // A question may be lost, or meet a voter that was loyal for a moment longer. Waiting a whole timeout for that is long,
    // and a pre-vote leaves no trace.
    private void AskAgain()
    {
        if (Role != RaftRole.PreCandidate || _electionElapsed % _options.HeartbeatTicks != 0) return;
        AskForVotes(MessageKind.PreVote, _term.Next, afterPersist: false);
    }

    private void StartElection(bool isTransfer)
    {
        BecomeCandidate(isTransfer);
        // The own vote counts once it is durable (Advance); the requests leave at the same time, so that
        // nobody votes for a candidate that could forget that it stood.
        AskForVotes(MessageKind.Vote, _term, afterPersist: true);
    }

    private void AskForVotes(MessageKind kind, Term term, bool afterPersist)
    {
        foreach (ReplicaId peer in Configuration.Members)
        {
            if (peer == Replica || !Configuration.IsVoter(peer) || _votes.ContainsKey(peer)) continue;
            RaftMessage request = NewMessage(peer, kind) with
            {
                Term = term,
                Index = _log.LastIndex,
                LogTerm = _log.LastTerm,
                IsTransfer = _isTransferCampaign && afterPersist,
            };
            (afterPersist ? _afterPersist : _messages).Add(request);
        }
    }

    private StepResult StepVoteRequest(in RaftMessage m)
    {
        bool isPreVote = m.Kind == MessageKind.PreVote;
        MessageKind answer = isPreVote ? MessageKind.PreVoteResponse : MessageKind.VoteResponse;
        bool isFree = _vote == m.From || (_vote.IsNone && _leader.IsNone) || (isPreVote && m.Term > _term);
        bool isGranted = isFree && IsUpToDate(m.Index, m.LogTerm) && !_damaged && _silentTicks == 0;
        if (!isGranted)
        {
            Send(m.From, answer, r => r with { IsRejected = true });
            return StepResult.Processed;
        }

        if (isPreVote)
        {
            Term term = m.Term;
            Send(m.From, answer, r => r with { Term = term });
            return StepResult.Processed;
        }

        _vote = m.From;
        _electionElapsed = 0;
        // Only when the vote is durable: a vote lost in a crash is a vote given twice.
        _afterPersist.Add(NewMessage(m.From, answer));
        return StepResult.Processed;
    }

    // "If the logs have last entries with different terms, then the log with the later term is more
    // up-to-date. If the logs end with the same term, then whichever log is longer is more up-to-date" (Raft
    // §5.4.1).
    private bool IsUpToDate(LogIndex lastIndex, Term lastTerm) =>
        lastTerm > _log.LastTerm || (lastTerm == _log.LastTerm && lastIndex >= _log.LastIndex);

    private StepResult StepCampaign(in RaftMessage m)
    {
        if (IsFromLeader(m.Kind))
        {
            BecomeFollower(m.Term, m.From);
            return StepFollower(m);
        }

        MessageKind awaited = Role == RaftRole.PreCandidate ? MessageKind.PreVoteResponse : MessageKind.VoteResponse;
        if (m.Kind != awaited) return StepResult.Ignored;
        if (m.Kind == MessageKind.PreVoteResponse && !m.IsRejected && m.Term != _term.Next) return StepResult.Ignored;
        _votes.TryAdd(m.From, !m.IsRejected);
        CountVotes();
        return StepResult.Processed;
    }

    private VoteResult Tally() => Configuration.Quorum.Tally(_voteOf);

    private void CountVotes()
    {
        switch (Tally())
        {
            // Between the question and the answers the machine may have become unwell.
            case VoteResult.Won when Role == RaftRole.PreCandidate && !IsPromotable:
                BecomeFollower(_term, ReplicaId.None);
                break;
            case VoteResult.Won when Role == RaftRole.PreCandidate:
                StartElection(isTransfer: false);
                break;
            case VoteResult.Won:
                BecomeLeader();
                break;
            case VoteResult.Lost:
                BecomeFollower(_term, ReplicaId.None);
                break;
            default:
                break;
        }
    }

    // The vote for oneself is as good as any other: once it is durable.
    private void CountOwnVote()
    {
        if (Role != RaftRole.Candidate || _votes.ContainsKey(Replica)) return;
        if (_durableHardState.Term != _term || _durableHardState.Vote != Replica) return;
        _votes[Replica] = true;
        CountVotes();
    }
}
