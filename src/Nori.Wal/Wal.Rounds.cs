using Nori.Core;
using Nori.IO;

namespace Nori.Wal;

/// <summary>Rounds of group commit: take what gathered, write it, sync once, answer everybody.</summary>
public sealed partial class Wal
{
    // Operations that must have gathered before the sleeping loop is woken; 0 while it is awake.
    private int _wakeAt;
    private int _company;

    /// <summary>
    /// Runs one round on the calling thread: for owners that set <see cref="WalOptions.RunLoop"/> to false. False
    /// when
    /// nothing had gathered.
    /// </summary>
    /// <remarks>One caller at a time.</remarks>
    public bool RunOnce()
    {
        AppendRound round;
        lock (_gate)
        {
            if (_filling.Operations.Count == 0) return false;
            round = _filling;
            _filling = _spare ?? new AppendRound(_options);
            _spare = null;
            _company = round.Operations.Count;
        }

        Exception? failure = null;
        int written = 0;
        try
        {
            for (; written < round.Batches.Count; written++)
            {
                if (round.Batches[written].Count > 0) _log.Append(round.Batches[written]);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }

        // What was written before a full disk stopped the round is as good as any: it is synced and acknowledged.
        if (failure is null or StorageException) failure = TrySync() ?? failure;
        Publish(round);
        if (failure is not null and not StorageException) FailEverybody(failure);
        Answer(round, written, failure);
        round.Clear();
        lock (_gate)
        {
            if (_spare is null) _spare = round;
            else round.Dispose();
        }

        return true;
    }

    /// <summary>
    /// For the loop: true when there is work; false when it may end. Notes durability when idle for a while.
    /// </summary>
    internal bool WaitForWork(AutoResetEvent signal, TimeSpan idleMarkDelay)
    {
        bool marked = false;
        while (true)
        {
            TimeSpan window;
            lock (_gate)
            {
                int gathered = _filling.Operations.Count;
                if (_stopping) return gathered > 0;
                bool mayWait = _options.Sync == SyncPolicy.Batch && _options.BatchWindow > TimeSpan.Zero;
                bool expectsCompany = mayWait && _company > 1 && gathered < _company;
                if (gathered > 0 && !expectsCompany) return true;
                _wakeAt = gathered == 0 ? 1 : _company;
                window = gathered > 0 ? _options.BatchWindow : marked ? Timeout.InfiniteTimeSpan : idleMarkDelay;
            }

            bool woken = signal.WaitOne(window);
            bool isIdle;
            lock (_gate)
            {
                _wakeAt = 0;
                isIdle = _filling.Operations.Count == 0;
                if (!isIdle) return true;
            }

            if (woken || marked) continue;
            marked = true;
            NoteDurability();
        }
    }

    /// <summary>For the loop and the last dispose: closes the log in order and refuses whoever still waits.</summary>
    internal void Finish()
    {
        try
        {
            _log.Close();
        }
        catch (WalFailedException e)
        {
            lock (_gate) _failure ??= e;
        }
        finally
        {
            lock (_gate)
            {
                _inline.Dispose();
                _filling.Dispose();
                _spare?.Dispose();
                _spare = null;
            }

            _closed.SetResult();
        }
    }

    /// <summary>For the loop: a bug in a round must not leave callers waiting for ever.</summary>
    internal void FailEverybody(Exception cause)
    {
        var failure = cause as WalFailedException ?? new WalFailedException(_options.Directory, cause);
        List<AppendOperation> all;
        lock (_gate)
        {
            _failure ??= failure;
            all = [.. _filling.Operations, .. _waiting];
            _filling.Clear();
            _waiting.Clear();
        }

        foreach (AppendOperation operation in all) operation.Fail(failure);
    }

    private WalFailedException? TrySync()
    {
        try
        {
            _log.Sync();
            return null;
        }
        catch (WalFailedException e)
        {
            return e;
        }
    }

    private void NoteDurability()
    {
        try
        {
            _log.WriteDurableMark();
            lock (_gate) _end = _log.End;
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // The mark only sharpens recovery; the next batch carries the same.
        }
        catch (WalFailedException e)
        {
            FailEverybody(e);
        }
    }

    private void Publish(AppendRound round)
    {
        lock (_gate)
        {
            _end = _log.End;
            _durableEnd = _log.DurableEnd;
            _failure ??= _log.Failure;
            _queuedBytes -= round.Bytes;
            Invariant.Assert(_queuedBytes >= 0);
            AdmitLocked();
        }
    }

    private void Answer(AppendRound round, int written, Exception? failure)
    {
        foreach (AppendOperation operation in round.Operations)
        {
            bool isWritten = operation.Batch is not { } batch || IndexOf(round, batch) < written;
            if (failure is not null && (!isWritten || failure is not StorageException)) operation.Fail(failure);
            else if (operation.DeleteBefore is { } position) Delete(operation, position);
            else operation.Complete(operation.Batch?.PositionOf(operation.First) ?? default);
        }
    }

    private static int IndexOf(AppendRound round, WalBatch batch)
    {
        int index = 0;
        while (round.Batches[index] != batch) index++;
        return index;
    }

    private void Delete(AppendOperation operation, WalPosition position)
    {
        try
        {
            _log.DeleteSegmentsBefore(position);
            operation.Complete(default);
        }
        catch (WalFailedException e)
        {
            FailEverybody(e);
            operation.Fail(e);
        }
    }

    private Exception? RefusalLocked()
    {
        if (_failure is not null) return new WalFailedException(_options.Directory, _failure.InnerException!);
        return _stopping ? new ObjectDisposedException(nameof(Wal)) : null;
    }

    private bool HasRoomLocked(int bytes) =>
        _waiting.Count == 0 && (_queuedBytes == 0 || _queuedBytes + bytes <= _options.QueueBytesMax);

    private void GatherLocked(AppendOperation operation, byte type, ReadOnlySpan<byte> payload)
    {
        long before = _filling.Bytes;
        _filling.Add(operation, type, payload);
        _queuedBytes += _filling.Bytes - before;
        WakeLocked();
    }

    private void GatherLocked(AppendOperation operation, WalBatch batch)
    {
        long before = _filling.Bytes;
        _filling.Add(operation, batch);
        _queuedBytes += _filling.Bytes - before;
        WakeLocked();
    }

    private void GatherLocked(AppendOperation operation)
    {
        _filling.Add(operation);
        WakeLocked();
    }

    private void WakeLocked()
    {
        if (_wakeAt == 0 || _filling.Operations.Count < _wakeAt) return;
        _wakeAt = 0;
        _loop?.Wake();
    }

    /// <summary>Takes in those who waited for room, in order.</summary>
    private void AdmitLocked()
    {
        while (_waiting.TryPeek(out AppendOperation? operation))
        {
            int bytes = operation.WaitingBatch?.Bytes ?? operation.WaitingPayload.Length;
            if (_queuedBytes > 0 && _queuedBytes + bytes > _options.QueueBytesMax) return;
            _waiting.Dequeue();
            if (operation.Cancellation.IsCancellationRequested)
            {
                // Completion only posts to the thread pool, so nothing of the caller's runs under the lock.
                operation.Fail(new OperationCanceledException(operation.Cancellation));
                continue;
            }

            if (operation.WaitingBatch is { } batch) GatherLocked(operation, batch);
            else if (operation.DeleteBefore is not null || operation.IsSync) GatherLocked(operation);
            else GatherLocked(operation, operation.WaitingType, operation.WaitingPayload.Span);
            operation.WaitingBatch = null;
            operation.WaitingPayload = default;
        }
    }
}
