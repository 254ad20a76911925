using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>A read of a certain type.</summary>
internal sealed class ReadCall<T>(Func<T> read, ReadConsistency consistency, Slots slots) : ReadCall(consistency)
{
    private readonly TaskCompletionSource<ReadResult<T>> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _value;
    private LogIndex _applied;

    public Task<ReadResult<T>> Task => _done.Task;

    public override bool IsOver => _done.Task.IsCompleted;

    public override bool Execute(LogIndex applied)
    {
        try
        {
            (_value, _applied) = (read(), applied);
            return true;
        }
        catch (Exception e)
        {
            if (_done.TrySetException(e)) slots.Leave();
            return false;
        }
    }

    public override void Complete(ReadStatus status)
    {
        ReadResult<T> result = status == ReadStatus.Done
            ? new ReadResult<T>(status, _value, _applied, Lease is not null)
            : new ReadResult<T>(status, default, default, false);
        if (_done.TrySetResult(result)) slots.Leave();
    }

    public void Cancel(CancellationToken cancellationToken)
    {
        if (_done.TrySetCanceled(cancellationToken)) slots.Leave();
    }

    public override void Abandon(Exception? failure)
    {
        if (_done.TrySetException(new RaftStoppedException(failure))) slots.Leave();
    }
}
