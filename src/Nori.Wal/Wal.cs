using Nori.Core;
using Nori.IO;

namespace Nori.Wal;

/// <summary>
/// A write-ahead log for many callers: while one fdatasync runs, everybody else's records gather and share the next.
/// </summary>
/// <remarks>
/// Thread-safe. Under <see cref="SyncPolicy.Os"/> there is no thread: the caller writes under a lock, and its
/// append is
/// complete on return. Otherwise an append completes after the sync that covers it; continuations run on the thread
/// pool.
/// </remarks>
public sealed partial class Wal : IAsyncDisposable
{
    private readonly WalOptions _options;

    // The loop's; under policy Os whoever holds _gate.
    private readonly WalLog _log;
    private readonly OperationPool _pool = new();
    private readonly WalLoop? _loop;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // _gate guards what follows. No await, callback or file call inside, except the writes of policy Os.
    private readonly Lock _gate = new();
    private readonly Queue<AppendOperation> _waiting = new();
    private readonly WalBatch _inline;
    private AppendRound _filling;
    private AppendRound? _spare;
    private long _queuedBytes;
    private WalPosition _end;
    private WalPosition _durableEnd;
    private WalFailedException? _failure;
    private bool _stopping;

    private Wal(WalOptions options, WalLog log)
    {
        _options = options;
        _log = log;
        _end = log.End;
        _durableEnd = log.DurableEnd;
        _inline = new WalBatch(options.Compression, options.CompressionThresholdBytes);
        _filling = new AppendRound(options);
        _spare = new AppendRound(options);
        if (options.RunLoop && !IsInline) _loop = new WalLoop(this, options.IdleMarkDelay);
    }

    /// <summary>Everything before it survives a loss of power.</summary>
    public WalPosition DurableEnd
    {
        get
        {
            lock (_gate) return _durableEnd;
        }
    }

    /// <summary>Behind what was written.</summary>
    public WalPosition End
    {
        get
        {
            lock (_gate) return _end;
        }
    }

    /// <summary>The first failure, after which nothing is taken; null while the log works.</summary>
    public WalFailedException? Failure
    {
        get
        {
            lock (_gate) return _failure;
        }
    }

    private bool IsInline => _options.Sync == SyncPolicy.Os;

    /// <summary>Opens or creates the log; reads and checks all of it on the calling thread.</summary>
    /// <exception cref="ArgumentException">The options have problems; the message lists them.</exception>
    /// <exception cref="CorruptionException">What was durable is damaged.</exception>
    /// <exception cref="StorageException">The file system failed, or another process has the directory.</exception>
    public static ValueTask<WalOpenResult> OpenAsync(WalOptions options, CancellationToken cancellationToken = default) =>
        OpenAsync(options, null, cancellationToken);

    /// <summary>As the other form; each record found is handed over in the same pass.</summary>
    /// <exception cref="ArgumentException">The options have problems; the message lists them.</exception>
    /// <exception cref="CorruptionException">What was durable is damaged.</exception>
    /// <exception cref="StorageException">The file system failed, or another process has the directory.</exception>
    public static ValueTask<WalOpenResult> OpenAsync(
        WalOptions options, IWalReplay? replay, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        WalLog log = WalLog.Open(options, out RecoveryReport report, replay);
        var wal = new Wal(options, log);
        wal._loop?.Start();
        return ValueTask.FromResult(new WalOpenResult(wal, report));
    }

    /// <summary>Appends a record; completes as <see cref="WalOptions.Sync"/> says, with its position.</summary>
    /// <param name="payload">Copied before the call returns, unless the queue is full: then it must stay as it is
    /// until completion.</param>
    /// <param name="type">The owner's tag, given back when read.</param>
    /// <param name="cancellationToken">Honoured until the record is queued, never between writing and
    /// acknowledging.</param>
    /// <exception cref="StorageException">The disk is full: the record was not appended, the log goes on.</exception>
    /// <exception cref="WalFailedException">The log failed; the record may or may not be there after
    /// reopening.</exception>
    public ValueTask<WalPosition> AppendAsync(
        ReadOnlyMemory<byte> payload, byte type = 0, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, _options.RecordBytesMax);
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<WalPosition>(cancellationToken);
        if (IsInline) return AppendInline(payload.Span, type);
        AppendOperation operation = _pool.Rent();
        Exception? refusal;
        lock (_gate)
        {
            refusal = RefusalLocked();
            if (refusal is null && HasRoomLocked(payload.Length))
            {
                GatherLocked(operation, type, payload.Span);
            }
            else if (refusal is null)
            {
                operation.WaitingPayload = payload;
                operation.WaitingType = type;
                operation.Cancellation = cancellationToken;
                _waiting.Enqueue(operation);
            }
        }

        if (refusal is not null) operation.Fail(refusal);
        return operation.AsPosition();
    }

    /// <summary>
    /// Appends all records of the batch or, after a crash, none; completes with the first one's position.
    /// </summary>
    /// <param name="batch">Not empty. Free for reuse when the call returns, unless the queue is full: then on
    /// completion.</param>
    /// <param name="cancellationToken">Honoured until the batch is queued.</param>
    /// <exception cref="StorageException">The disk is full: nothing was appended, the log goes on.</exception>
    /// <exception cref="WalFailedException">The log failed; the batch may or may not be there after
    /// reopening.</exception>
    public ValueTask<WalPosition> AppendBatchAsync(WalBatch batch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Count == 0) throw new ArgumentException("the batch is empty", nameof(batch));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.Bytes, _options.BatchBytesMax);
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<WalPosition>(cancellationToken);
        if (IsInline) return AppendInline(batch);
        AppendOperation operation = _pool.Rent();
        Exception? refusal;
        lock (_gate)
        {
            refusal = RefusalLocked();
            if (refusal is null && HasRoomLocked(batch.Bytes))
            {
                GatherLocked(operation, batch);
            }
            else if (refusal is null)
            {
                operation.WaitingBatch = batch;
                operation.Cancellation = cancellationToken;
                _waiting.Enqueue(operation);
            }
        }

        if (refusal is not null) operation.Fail(refusal);
        return operation.AsPosition();
    }

    /// <summary>Completes when all that was appended before the call is durable.</summary>
    /// <exception cref="WalFailedException">The log failed.</exception>
    public ValueTask SyncAsync() => RunInOrder(null);

    /// <summary>
    /// Deletes the segments that lie wholly before the position, after what was queued before; never the current
    /// one.
    /// </summary>
    /// <exception cref="WalFailedException">The log failed.</exception>
    public ValueTask DeleteSegmentsBefore(WalPosition position) => RunInOrder(position);

    /// <summary>
    /// The records from the position (a record's, or <see cref="WalPosition.Start"/>) to what is durable now; under
    /// policy
    /// Os to what is written now. Each payload is the caller's own.
    /// </summary>
    /// <exception cref="CorruptionException">While enumerating: a record is damaged.</exception>
    /// <exception cref="InvalidOperationException">While enumerating: the segment was deleted, before or meanwhile.</exception>
    public IEnumerable<WalRecord> ReadFrom(WalPosition position)
    {
        WalReader reader;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            reader = _log.ReadFrom(position, IsInline ? _end : _durableEnd);
        }

        return Enumerate(reader);
    }

    /// <summary>The live segments, oldest first, and the bytes in use in each.</summary>
    public IReadOnlyList<SegmentInfo> Segments => _log.Segments;

    /// <summary>
    /// Takes nothing more, writes and syncs what was taken, notes the exact end and releases the directory.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        bool first;
        lock (_gate)
        {
            first = !_stopping;
            _stopping = true;
        }

        if (first && _loop is not null)
        {
            // The loop drains and closes.
            _loop.Wake();
        }
        else if (first)
        {
            while (RunOnce())
            {
            }

            Finish();
        }

        // Later callers wait for the same end.
        await _closed.Task.ConfigureAwait(false);
        _loop?.Dispose();
    }

    private static IEnumerable<WalRecord> Enumerate(WalReader reader)
    {
        using (reader)
        {
            while (reader.Read()) yield return new WalRecord(reader.Position, reader.Type, reader.Payload.ToArray());
        }
    }

    private ValueTask RunInOrder(WalPosition? deleteBefore)
    {
        if (IsInline) return RunInline(deleteBefore);
        AppendOperation operation = _pool.Rent();
        operation.DeleteBefore = deleteBefore;
        operation.IsSync = deleteBefore is null;
        Exception? refusal;
        lock (_gate)
        {
            refusal = RefusalLocked();
            if (refusal is null && _waiting.Count > 0) _waiting.Enqueue(operation);
            else if (refusal is null) GatherLocked(operation);
        }

        if (refusal is not null) operation.Fail(refusal);
        return operation.AsTask();
    }
}
