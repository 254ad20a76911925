using System.Threading.Tasks.Sources;

namespace Nori.Wal;

/// <summary>
/// A caller that waits for its records, for a sync or for a deletion; reused, so that appending allocates nothing.
/// </summary>
internal sealed class AppendOperation : IValueTaskSource<WalPosition>, IValueTaskSource
{
    private readonly OperationPool _pool;

    // Continuations must not run on the thread that writes the log: a slow one would hold up everybody's sync.
    private ManualResetValueTaskSourceCore<WalPosition> _core = new() { RunContinuationsAsynchronously = true };

    public AppendOperation(OperationPool pool) => _pool = pool;

    /// <summary>The batch that holds its records; null for an operation without any.</summary>
    public WalBatch? Batch { get; set; }

    /// <summary>Index of its first record there.</summary>
    public int First { get; set; }

    /// <summary>Delete the segments before this position, after what was queued before.</summary>
    public WalPosition? DeleteBefore { get; set; }

    /// <summary>No records: it waits for those before it.</summary>
    public bool IsSync { get; set; }

    /// <summary>While the queue is full: the payload still to be copied.</summary>
    public ReadOnlyMemory<byte> WaitingPayload { get; set; }

    /// <summary>While the queue is full: the payload's tag.</summary>
    public byte WaitingType { get; set; }

    /// <summary>While the queue is full: the batch still to be copied.</summary>
    public WalBatch? WaitingBatch { get; set; }

    /// <summary>Honoured while it waits for room, not later.</summary>
    public CancellationToken Cancellation { get; set; }

    public ValueTask<WalPosition> AsPosition() => new(this, _core.Version);

    public ValueTask AsTask() => new(this, _core.Version);

    public void Complete(WalPosition position) => _core.SetResult(position);

    public void Fail(Exception failure) => _core.SetException(failure);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    public WalPosition GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            Recycle();
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    private void Recycle()
    {
        Batch = null;
        WaitingBatch = null;
        WaitingPayload = default;
        DeleteBefore = null;
        Cancellation = default;
        IsSync = false;
        First = 0;
        _core.Reset();
        _pool.Return(this);
    }
}
