using Nori.Raft.Core;

namespace Nori.Raft;

// Who runs what, and the end.
public sealed partial class RaftNode
{
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RaftLoop[] _loops = [];
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposed;
    private int _cleared;

    /// <summary>
    /// The parts, for those who step them: leaving one out for a while is what a slow disk or state machine looks like.
    /// </summary>
    public IReadOnlyList<RaftStep> Steps { get; }

    /// <summary>Runs each part once. Only without loops. False when none had anything to do.</summary>
    public bool RunOnce()
    {
        bool worked = false;
        foreach (RaftStep step in Steps) worked |= step.RunOnce();
        return worked;
    }

    /// <summary>
    /// Stops. What is under way is answered as unknown. Does not hand over leadership: see
    /// <see cref="TransferLeadershipAsync"/>.
    /// </summary>
    /// <remarks>
    /// Complete when no step runs any more, whoever of several callers stops it: log, snapshots and state machine are the
    /// caller's again.
    /// </remarks>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            await _closed.Task.ConfigureAwait(false);
            return;
        }

        try
        {
            _isStopped = true;
            foreach (RaftLoop loop in _loops) loop.Wake();
            foreach (RaftLoop loop in _loops) await loop.Ended.ConfigureAwait(false);
            Clear();
            _exchange.Dispose();
        }
        finally
        {
            _closed.SetResult();
        }
    }

    private void StartLoops()
    {
        TimeSpan rest = TimeSpan.FromMilliseconds(200);
        _loops = Steps.Select(s => new RaftLoop(s.RunOnce, () => _isStopped, s.Name == "owner" ? _tickLength : rest)).ToArray();
        for (int i = 0; i < _loops.Length; i++) _loops[i].Start($"raft {Replica} {Steps[i].Name}");
    }

    private bool Guarded(Func<bool> step)
    {
        if (_isStopped) return false;
        try
        {
            return step();
        }
        catch (Exception e)
        {
            // Storage that failed once is not asked again: what reached it is unknown. A broken invariant is our bug, and
            // a state machine that throws would throw again.
            Fail(e);
            return false;
        }
    }

    private void Fail(Exception e)
    {
        if (Interlocked.CompareExchange(ref _failure, e, null) is not null) return;
        _isStopped = true;
        _failed.TrySetResult();
        foreach (RaftLoop loop in _loops) loop.Wake();
        _ = ClearWhenEndedAsync();
    }

    // Whoever waits is told once no step runs any more.
    private async Task ClearWhenEndedAsync()
    {
        foreach (RaftLoop loop in _loops) await loop.Ended.ConfigureAwait(false);
        Clear();
    }

    private void Clear()
    {
        if (Interlocked.Exchange(ref _cleared, 1) != 0) return;
        Exception? failure = Failure;
        while (_commands.TryDequeue(out PendingCommand? command)) command.Abandon(failure);
        foreach (PendingCommand newest in _waiting.Values)
        {
            for (PendingCommand? command = newest; command is not null; command = command.Earlier) command.Abandon(failure);
        }

        _waiting.Clear();
        _applier.Abandon(failure);
        AbandonReads(failure);
        AbandonCalls(failure);
        RaftNodeStatus last = Status;
        Volatile.Write(ref _status, last with { Role = RaftRole.Follower, Leader = ReplicaId.None });
    }

    private void WakeOwner() => Wake(0);

    private void Wake(int step)
    {
        if (_loops.Length > step) _loops[step].Wake();
    }

    private bool RunLog()
    {
        if (!_writer.RunOnce()) return false;
        WakeOwner();
        return true;
    }

    private bool RunApply()
    {
        if (!_applier.RunOnce()) return false;
        WakeOwner();
        return true;
    }

    private bool RunSnapshot() => _exchange.RunOnce();

    private bool RunOwner()
    {
        bool worked = TakePersisted();
        worked |= TakeCalls();
        worked |= TakeFrames();
        worked |= TakeTick();
        worked |= TakeCommands();
        worked |= TakeReads();
        if (_core.HasReady)
        {
            Act(_core.TakeReady(LeaseNow));
            worked = true;
        }
        else
        {
            _tail.Unstage();
        }

        FeedApplier();
        CompactIfDue();
        CheckMembers();
        Publish();
        return worked;
    }

    private void Publish()
    {
        RaftNodeStatus now = NewStatus();
        if (now != _status) Volatile.Write(ref _status, now);
    }

    private RaftNodeStatus NewStatus() => new(
        _core.Role, _core.Term, _core.Leader, _core.Commit, _core.DurableIndex, _core.LastIndex, _core.BaseIndex,
        _core.Configuration, _core.IsDamaged, _isLogStalled);
}
