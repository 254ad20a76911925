using System.Diagnostics.CodeAnalysis;
using Nori.Core;

namespace Nori.Lsm.Writing;

/// <summary>
/// A write waiting for its turn: of a blocked thread, of an awaiting caller, or a turn alone (no batch).
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The waiting thread disposes the event when its wait ends.")]
internal sealed class PendingWrite
{
    private readonly TaskCompletionSource? _awaited;
    private readonly ManualResetEventSlim? _blocked;
    private Exception? _failure;
    private volatile bool _promoted;
    private volatile bool _done;

    private PendingWrite(WriteBatch? batch, bool sync, bool awaited)
    {
        Batch = batch;
        Sync = sync;
        // Continuations never run on the committing thread: it holds up every other writer.
        if (awaited) _awaited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        else _blocked = new ManualResetEventSlim(false, spinCount: 20);
    }

    /// <summary>Null: its owner wants to be alone.</summary>
    public WriteBatch? Batch { get; }

    public bool Sync { get; }

    public bool IsAwaited => _awaited is not null;

    public Task Completion => _awaited!.Task;

    public static PendingWrite Blocked(WriteBatch batch, bool sync) => new(batch, sync, awaited: false);

    public static PendingWrite Awaited(WriteBatch batch, bool sync) => new(batch, sync, awaited: true);

    public static PendingWrite Alone() => new(null, false, awaited: false);

    public void Complete(Exception? failure)
    {
        _failure = failure;
        _done = true;
        if (_awaited is not null)
        {
            if (failure is null) _awaited.SetResult();
            else _awaited.SetException(failure);
        }
        else
        {
            _blocked!.Set();
        }
    }

    /// <summary>Makes the waiting thread the leader.</summary>
    public void Promote()
    {
        _promoted = true;
        _blocked!.Set();
    }

    /// <summary>Waits; true when this thread leads now, false when the write is done.</summary>
    public bool WaitForTurn()
    {
        _blocked!.Wait();
        Invariant.Assert(_promoted != _done);
        _blocked.Dispose();
        return _promoted;
    }

    public void ThrowIfFailed()
    {
        if (_failure is not null) throw Refusals.Again(_failure);
    }
}
