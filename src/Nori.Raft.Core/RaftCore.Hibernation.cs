using Nori.Core;

namespace Nori.Raft.Core;

// A group without work stops its timers; its nodes watch each other instead and wake it (Wake) when the
// leader's is in doubt.
public sealed partial class RaftCore
{
    private SleepState _sleep;
    private ulong _sleepRound;
    private ReplicaId[] _absent = [];
    private int _fallingElapsed;

    // Woken by a request for votes and not by its leader since: still without a promise to one.
    private bool _isWokenByVote;

    /// <summary>Whether the timers run.</summary>
    public SleepState Sleep => _sleep;

    /// <summary>
    /// Puts the group to sleep, if every live voter holds everything, everything is committed, and nothing is
    /// under way. Call it on a leader that had no work for some seconds. It has no lease from now until it is
    /// awake again.
    /// </summary>
    /// <param name="absent">Voters known to be down: they need not hold everything, and are woken for when
    /// they return.</param>
    public bool TryHibernate(IReadOnlyList<ReplicaId> absent)
    {
        if (Role != RaftRole.Leader || _sleep != SleepState.Awake || !IsIdle(absent)) return false;
        _sleep = SleepState.FallingAsleep;
        _absent = absent.ToArray();
        _fallingElapsed = 0;
        _roundDue = false;
        // The sleepers' loyalty ends without this leader's knowledge: what they promised before is worth
        // nothing now.
        _lease.Drop();
        _sleepRound = ++_round;
        foreach (Progress peer in _progress)
        {
            peer.SleepAcked = false;
            _messages.Add(NewMessage(peer.Id, MessageKind.Hibernate) with
            {
                Index = _commit, LogTerm = _term, Round = _sleepRound,
            });
        }

        FallAsleepIfAllDo();
        CheckInvariants();
        return true;
    }

    /// <summary>
    /// True while it leaves it to its node to watch the leader's: asleep, or woken by a request for votes and not yet by its
    /// leader.
    /// </summary>
    public bool IsWatchedByNode => _sleep == SleepState.Asleep || _isWokenByVote;

    /// <summary>
    /// Wakes the group: its timers start anew. Nothing happens to one that is awake, unless its leader
    /// restarted.
    /// </summary>
    public void Wake(WakeReason reason)
    {
        bool endsLoyalty = reason == WakeReason.LeaderRestarted
            || (IsWatchedByNode && reason is WakeReason.LeaderUnwell or WakeReason.LeaderSilent);
        if (_sleep != SleepState.Awake) WakeUp();
        if (endsLoyalty && Role == RaftRole.Follower)
        {
            // The node has waited out the timeout already.
            DrawElectionSoon();
            _electionElapsed = 0;
            _isWokenByVote = false;
            _leader = ReplicaId.None;
            _sinceLeader = _options.ElectionTicksMin;
        }

        CheckInvariants();
    }

    /// <summary>
    /// True when a member lags behind this leader's log: its return is a reason to wake the group.
    /// </summary>
    public bool Lags(ReplicaId member) => FindProgress(member) is { } peer && peer.Match < _log.LastIndex;

    private bool IsIdle(IReadOnlyList<ReplicaId> absent)
    {
        if (_commit != _log.LastIndex || _commit < _termStart || _log.LastTerm != _term) return false;
        if (Configuration.IsJoint || !Configuration.IsVoter(Replica) || _durable != _log.LastIndex) return false;
        if (!_transferTarget.IsNone || _reads.Count > 0) return false;
        if (Configuration.Quorum.Tally(id => !absent.Contains(id)) != VoteResult.Won) return false;
        return _progress.TrueForAll(p =>
            p.Match == _log.LastIndex || absent.Contains(p.Id) || !Configuration.IsVoter(p.Id));
    }

    private StepResult OnHibernateResponse(Progress peer, in RaftMessage m)
    {
        if (_sleep == SleepState.Awake || m.Round != _sleepRound) return StepResult.Ignored;
        peer.SleepAcked = true;
        FallAsleepIfAllDo();
        return StepResult.Processed;
    }

    private void FallAsleepIfAllDo()
    {
        if (_sleep != SleepState.FallingAsleep) return;
        bool allDo = _progress.TrueForAll(
            p => p.SleepAcked || _absent.Contains(p.Id) || !Configuration.IsVoter(p.Id));
        if (!allDo) return;
        _sleep = SleepState.Asleep;
        Emit(RaftEventKind.Slept);
    }

    // No heartbeats while falling asleep: they would wake those who sleep already. So it must not take long.
    private void TickFallingAsleep()
    {
        if (++_fallingElapsed >= 2 * _options.HeartbeatTicks) WakeUp();
    }

    private StepResult OnHibernate(in RaftMessage m)
    {
        // An earlier round than one already answered: the leader is awake again and may hold a lease on that
        // answer.
        if (m.Round <= _roundSeen)
        {
            bool isRepeated = m.Round == _roundSeen && _sleep == SleepState.Asleep;
            return isRepeated ? AckSleep(m) : StepResult.Ignored;
        }

        if (!_log.Matches(m.Index, m.LogTerm) || m.Index != _log.LastIndex || _damaged) return StepResult.Ignored;
        _roundSeen = m.Round;
        CommitThrough(m.Index);
        _sleep = SleepState.Asleep;
        Emit(RaftEventKind.Slept, _leader);
        return AckSleep(m);
    }

    private StepResult AckSleep(in RaftMessage m)
    {
        Send(m, MessageKind.HibernateResponse, (r, request) => r with { Round = request.Round });
        return StepResult.Processed;
    }

    // "Waking resets all timers and the check-quorum window."
    private void WakeUp()
    {
        if (_sleep == SleepState.Awake) return;
        _sleep = SleepState.Awake;
        _electionElapsed = _heartbeatElapsed = 0;
        _absent = [];
        if (Role == RaftRole.Leader)
        {
            _roundDue = true;
            foreach (Progress peer in _progress) peer.RecentlyActive = true;
        }
        else
        {
            _sinceLeader = 0;
            DrawElectionTimeout();
        }

        Emit(RaftEventKind.Woke);
    }
}
