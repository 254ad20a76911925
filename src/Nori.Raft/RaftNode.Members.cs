using Nori.Raft.Core;

namespace Nori.Raft;

// Who takes part, and who leads.
public sealed partial class RaftNode
{
    private readonly HashSet<Action<Exception?>> _abandon = [];
    private (TaskCompletionSource<MembersResult> Done, ConfigurationTarget Target, Term Term, long Deadline)? _membersChange;
    private TaskCompletionSource<TransferResult>? _transfer;

    /// <summary>
    /// Changes who takes part, from the configuration in effect now. Completes when the change is in effect and committed.
    /// Only the leader does. A new voter must be a learner first, and have caught up: add it as a learner, and ask for its
    /// promotion until that is not refused as <see cref="ConfigurationStatus.NotCaughtUp"/>.
    /// </summary>
    /// <exception cref="RaftStoppedException">The replica stopped.</exception>
    public Task<MembersResult> ChangeMembersAsync(
        ConfigurationTarget target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        TaskCompletionSource<MembersResult> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Call(done, () => BeginMembers(done, target));
        return done.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Hands leadership to another voter. Commands are refused meanwhile.</summary>
    /// <exception cref="RaftStoppedException">The replica stopped.</exception>
    public Task<TransferResult> TransferLeadershipAsync(
        ReplicaId target, CancellationToken cancellationToken = default)
    {
        TaskCompletionSource<TransferResult> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Call(done, () => BeginTransfer(done, target));
        return done.Task.WaitAsync(cancellationToken);
    }

    private void BeginMembers(TaskCompletionSource<MembersResult> done, ConfigurationTarget target)
    {
        ConfigurationStatus reason = ConfigurationStatus.InProgress;
        ReplicaId inTheWay = default;
        if (_membersChange is null)
        {
            ConfigurationResult result = _core.TryProposeConfiguration(_core.ConfigurationIndex, target);
            (reason, inTheWay) = (result.Status, result.Replica);
            if (result.IsAccepted)
            {
                _membersChange = (done, target, _core.Term, _ticks + PatienceTicks);
                return;
            }
        }

        if (reason is ConfigurationStatus.NotLeader or ConfigurationStatus.Transferring) inTheWay = _core.Leader;
        done.TrySetResult(new MembersResult(MembersStatus.Refused, reason, inTheWay, _core.Configuration));
    }

    private void CheckMembers()
    {
        if (_transfer is not null && _core.Role != RaftRole.Leader && !_core.Leader.IsNone)
            EndTransfer(TransferResult.Done);
        if (_membersChange is not { } change) return;
        bool isThere = _core.ConfigurationIndex <= _core.Commit && IsReached(_core.Configuration, change.Target);
        bool isHopeless = _core.Term != change.Term || _ticks >= change.Deadline;
        if (!isThere && !isHopeless) return;
        _membersChange = null;
        MembersStatus status = isThere ? MembersStatus.Done : MembersStatus.Unknown;
        change.Done.TrySetResult(new MembersResult(status, ConfigurationStatus.Accepted, default, _core.Configuration));
    }

    private static bool IsReached(Configuration now, ConfigurationTarget target) => !now.IsJoint
        && now.Voters.SequenceEqual(target.Voters.Distinct().Order())
        && now.Learners.SequenceEqual(target.Learners.Distinct().Order());

    private void BeginTransfer(TaskCompletionSource<TransferResult> done, ReplicaId target)
    {
        TransferStatus status = _core.TransferLeadership(target);
        if (status == TransferStatus.Started)
        {
            _transfer = done;
            return;
        }

        done.TrySetResult(status switch
        {
            TransferStatus.NotLeader => TransferResult.NotLeader,
            TransferStatus.InProgress => TransferResult.InProgress,
            _ => TransferResult.NotEligible,
        });
    }

    private void EndTransfer(TransferResult result)
    {
        _transfer?.TrySetResult(result);
        _transfer = null;
    }
}
