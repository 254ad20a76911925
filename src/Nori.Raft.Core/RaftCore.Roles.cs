using Nori.Core;

namespace Nori.Raft.Core;

// The only places where the role changes.
public sealed partial class RaftCore
{
    private void BecomeFollower(Term term, ReplicaId leader)
    {
        Invariant.Assert(term >= _term);
        bool isNews = Role != RaftRole.Follower || term != _term || leader != _leader;
        if (Role == RaftRole.Leader) LeaveLeadership();
        if (term > _term)
        {
            (_term, _vote) = (term, ReplicaId.None);
            ForgetTerm();
        }

        Role = RaftRole.Follower;
        _leader = leader;
        _votes.Clear();
        _electionElapsed = 0;
        DrawElectionTimeout();
        if (isNews) Emit(RaftEventKind.BecameFollower, leader);
    }

    private void BecomePreCandidate()
    {
        Invariant.Assert(Role != RaftRole.Leader);
        // Neither the term nor the vote changes: a pre-vote leaves no trace (dissertation §9.6).
        Role = RaftRole.PreCandidate;
        _leader = ReplicaId.None;
        _votes.Clear();
        _electionElapsed = 0;
        DrawElectionTimeout();
        Emit(RaftEventKind.BecamePreCandidate);
    }

    private void BecomeCandidate(bool isTransfer)
    {
        Invariant.Assert(Role != RaftRole.Leader);
        Invariant.Assert(IsPromotable);
        Role = RaftRole.Candidate;
        (_term, _vote, _leader) = (_term.Next, Replica, ReplicaId.None);
        ForgetTerm();
        _isTransferCampaign = isTransfer;
        _votes.Clear();
        _electionElapsed = 0;
        DrawElectionTimeout();
        Emit(RaftEventKind.BecameCandidate);
    }

    private void BecomeLeader()
    {
        Invariant.Assert(Role == RaftRole.Candidate);
        Role = RaftRole.Leader;
        _leader = Replica;
        _votes.Clear();
        _electionElapsed = _heartbeatElapsed = 0;
        _round = _confirmedRound = 0;
        _lease.Reset();
        _progress.Clear();
        FollowConfiguration();

        // "each leader commit a blank no-op entry into the log at the start of its term" (Raft §8): without it neither
        // reads nor changes of membership nor entries of earlier terms could be committed.
        _log.Append(_term, 1);
        _sizes.Append(_log.LastIndex, NoOpBytes);
        _termStart = _log.LastIndex;
        _noOp = (_termStart, _term);
        _appendsDue = true;
        Emit(RaftEventKind.BecameLeader, Replica, _termStart);
    }

    // What a leader must forget when it is none any more.
    private void LeaveLeadership()
    {
        EndTransfer();
        AbortReads();
        _progress.Clear();
        _lease.Reset();
        _sleep = SleepState.Awake;
        _roundDue = _appendsDue = false;
        _termStart = default;
        // It was loyal to itself until now; the lease that counted on that is gone.
        _sinceLeader = _options.ElectionTicksMin;
    }

    // What belongs to one term and must not be taken over into the next.
    private void ForgetTerm()
    {
        _sleep = SleepState.Awake;
        _isWokenByVote = false;
        _roundSeen = 0;
        _matchedThrough = default;
        _healTarget = null;
        _isTransferCampaign = false;
    }

    // Two that stand in the same moment split the votes, and all wait for another timeout: of hundreds of groups that lose
    // their leader with one node some would do so again and again. So each draws from a part of the range of its own.
    private void DrawElectionTimeout()
    {
        (int turn, int turns) = Turn();
        (int least, int most) = (_options.ElectionTicksMin, _options.ElectionTicksMax);
        int width = (most - least) / turns;
        if (width > 0) (least, most) = (least + (turn * width), turn == turns - 1 ? most : least + ((turn + 1) * width));
        _electionTimeout = _random.NextInt(least, most);
    }

    // For one that knows that nobody leads: there is nothing to wait for but the others' turns.
    private void DrawElectionSoon()
    {
        (int turn, int turns) = Turn();
        int width = Math.Max(1, _options.ElectionTicksMin / turns);
        _electionTimeout = 1 + (turn * width) + _random.NextInt(0, Math.Min(width, _options.HeartbeatTicks));
    }

    // The how manieth this replica is to stand: voters in the order of their ids, without the leader whose loss it is about,
    // begun at another one in each group, so that the groups of a lost node go to all others.
    private (int Turn, int Turns) Turn()
    {
        int turns = 0, place = -1;
        foreach (ReplicaId voter in Configuration.Voters)
        {
            if (voter == _leader && voter != Replica) continue;
            if (voter == Replica) place = turns;
            turns++;
        }

        if (place < 0) return (turns, turns + 1);
        return ((int)(((ulong)place + Group.Value) % (ulong)turns), turns);
    }
}
