namespace Nori.Raft.Core;

// Dissertation §3.10.
public sealed partial class RaftCore
{
    private ReplicaId _transferTarget;
    private int _transferElapsed;
    private bool _timeoutNowSent;

    /// <summary>To whom leadership is on its way; none.</summary>
    public ReplicaId TransferTarget => _transferTarget;

    /// <summary>
    /// Hands leadership to a voter: brings its log up to date, then asks it to campaign at once. Proposals
    /// are refused meanwhile. Given up after an election timeout.
    /// </summary>
    public TransferStatus TransferLeadership(ReplicaId target)
    {
        if (Role != RaftRole.Leader) return TransferStatus.NotLeader;
        if (!_transferTarget.IsNone) return TransferStatus.InProgress;
        if (target == Replica || !Configuration.Voters.Contains(target)) return TransferStatus.NotEligible;
        if (_sleep != SleepState.Awake) WakeUp();
        (_transferTarget, _transferElapsed, _timeoutNowSent) = (target, 0, false);
        Emit(RaftEventKind.TransferStarted, target);
        ContinueTransfer(FindProgress(target)!);
        CheckInvariants();
        return TransferStatus.Started;
    }

    private void ContinueTransfer(Progress peer)
    {
        if (peer.Id != _transferTarget || _timeoutNowSent || peer.Match != _log.LastIndex) return;
        _timeoutNowSent = true;
        SendTimeoutNow(peer.Id);
    }

    private void SendTimeoutNow(ReplicaId target)
    {
        // Votes in that campaign are not bound by loyalty, and the message may arrive at any time in this
        // term.
        _lease.Forbid();
        Send(target, MessageKind.TimeoutNow, m => m);
    }

    private void TickTransfer()
    {
        if (_transferTarget.IsNone || ++_transferElapsed < _options.ElectionTicksMin) return;
        AbortTransfer();
    }

    private void AbortTransfer()
    {
        Emit(RaftEventKind.TransferAborted, _transferTarget);
        EndTransfer();
    }

    private void EndTransfer() => (_transferTarget, _transferElapsed, _timeoutNowSent) = (default, 0, false);

    private StepResult OnTimeoutNow()
    {
        if (!IsPromotable || _silentTicks > 0) return StepResult.Ignored;
        // No pre-vote: that there is a leader is no objection now.
        StartElection(isTransfer: true);
        return StepResult.Processed;
    }
}
