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
        _roundSeen = 0;
        _matchedThrough = default;
        _healTarget = null;
        _isTransferCampaign = false;
    }

    private void DrawElectionTimeout() =>
        _electionTimeout = _random.NextInt(_options.ElectionTicksMin, _options.ElectionTicksMax);
}
