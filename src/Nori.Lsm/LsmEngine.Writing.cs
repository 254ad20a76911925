using System.Diagnostics;
using Nori.Core;
using Nori.IO;
using Nori.Lsm.Events;
using Nori.Lsm.Memtables;
using Nori.Lsm.Writing;
using Nori.SSTable;
using Nori.Wal;

namespace Nori.Lsm;

/// <summary>The write path: queue, log, memtable, visible. See docs/decisions/0011-who-commits.md.</summary>
public sealed partial class LsmEngine
{
    private const byte BatchRecord = 1;
    private const long GroupBytesMax = 1 << 20;
    private const int RangeDeletesPerMemtableMax = 8192;

    [ThreadStatic]
    private static WriteBatch? t_batch;

    private readonly WriteQueue _queue = new();
    private readonly List<PendingWrite> _group = [];
    private readonly WalBatch _walBatch = new();
    private readonly Companions _companions = new();

    // Guards the log's core, which has one owner at a time: the leader, or a flush that deletes segments.
    private readonly Lock _walLock = new();
    private PendingWrite? _handedOver;

    // Guarded by _walLock: the log's end when somebody last looked whether it is idle.
    private WalPosition _endSeen;

    /// <summary>Sets the key's value.</summary>
    /// <param name="key">At most <see cref="WriteBatch.KeyBytesMax"/>: 65,535 bytes.</param>
    /// <param name="value">At most <see cref="WriteBatch.ValueBytesMax"/>: 16 MiB less 16 bytes.</param>
    /// <param name="ttl">Counted from the engine's clock; null: it never expires.</param>
    /// <param name="ct">Honoured until the write is queued.</param>
    /// <exception cref="ArgumentOutOfRangeException">Key or value is longer, or the time is not above zero.</exception>
    public ValueTask PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? ttl = null, CancellationToken ct = default)
    {
        WriteBatch batch = TakeBatch();
        batch.Put(key.Span, value.Span, ttl is { } time ? ExpiryAfter(time) : 0);
        return WriteOwnAsync(batch, ct);
    }

    /// <summary>Removes the key.</summary>
    public ValueTask DeleteAsync(ReadOnlyMemory<byte> key, CancellationToken ct = default)
    {
        WriteBatch batch = TakeBatch();
        batch.Delete(key.Span);
        return WriteOwnAsync(batch, ct);
    }

    /// <summary>Removes every key in [start, end).</summary>
    public ValueTask DeleteRangeAsync(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end, CancellationToken ct = default)
    {
        WriteBatch batch = TakeBatch();
        batch.DeleteRange(start.Span, end.Span);
        return WriteOwnAsync(batch, ct);
    }

    /// <summary>
    /// Applies the batch atomically; completes when it is durable as the log's mode says, and visible. The
    /// caller leaves the
    /// batch alone until then. Never waits for a sync on the caller's thread while the engine runs its own.
    /// </summary>
    /// <exception cref="LsmFailedException">The engine stopped writing; whether this write was kept is
    /// unknown.</exception>
    /// <exception cref="LsmDiskFullException">Refused: no space.</exception>
    public ValueTask WriteAsync(WriteBatch batch, LsmWriteOptions? options = null, CancellationToken ct = default)
    {
        CheckBatch(batch);
        ct.ThrowIfCancellationRequested();
        if (batch.Count == 0) return default;
        bool sync = MustSync(options);
        if (_loop is null || (!sync && !WouldWait()))
        {
            if (_queue.TryLead())
            {
                Exception? failure = Lead(batch, sync);
                return failure is null ? default : ValueTask.FromException(failure);
            }
        }

        var write = PendingWrite.Awaited(batch, sync);
        if (_queue.LeadOrWait(write)) HandOver(write);
        return new ValueTask(write.Completion);
    }

    /// <summary>
    /// As <see cref="WriteAsync"/>, on the caller's thread, which waits for syncs and stalls.
    /// </summary>
    /// <exception cref="LsmFailedException">The engine stopped writing; whether this write was kept is
    /// unknown.</exception>
    /// <exception cref="LsmDiskFullException">Refused: no space.</exception>
    public void Write(WriteBatch batch, LsmWriteOptions? options = null)
    {
        CheckBatch(batch);
        if (batch.Count == 0) return;
        bool sync = MustSync(options);
        if (!_queue.TryLead())
        {
            var write = PendingWrite.Blocked(batch, sync);
            if (!_queue.LeadOrWait(write) && !write.WaitForTurn())
            {
                write.ThrowIfFailed();
                return;
            }
        }

        if (Lead(batch, sync) is { } failure) throw Refusals.Again(failure);
    }

    /// <summary>Commits what the commit thread was handed; false when that is nothing.</summary>
    internal bool RunCommitOnce()
    {
        PendingWrite? write = Interlocked.Exchange(ref _handedOver, null);
        if (write is null) return false;
        Exception? failure = Lead(write.Batch!, write.Sync);
        write.Complete(failure is null ? null : Refusals.Again(failure));
        return true;
    }

    /// <summary>
    /// Has the log note, unsynced, how far it is durable, when nothing was written since the last call: from then on damage in the
    /// last synced batch is told from a torn tail. False: call again soon.
    /// </summary>
    internal bool NoteDurableWhenIdle()
    {
        if (_wal is null || _failure is not null || _isDiskFull || _disposed) return true;
        try
        {
            lock (_walLock)
            {
                bool isIdle = _wal.End == _endSeen;
                if (isIdle) _wal.WriteDurableMark();
                _endSeen = _wal.End;
                return isIdle;
            }
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // Nothing that must be written.
            return true;
        }
        catch (Exception e)
        {
            Fail(e);
            return true;
        }
    }

    private static WriteBatch TakeBatch()
    {
        WriteBatch? batch = t_batch;
        t_batch = null;
        return batch ?? new WriteBatch();
    }

    private ValueTask WriteOwnAsync(WriteBatch batch, CancellationToken ct)
    {
        ValueTask written = WriteAsync(batch, null, ct);
        // Pending: the committer still reads the batch, so it is left to the garbage collector.
        if (!written.IsCompletedSuccessfully) return written;
        batch.Clear();
        if (batch.Bytes <= 1 << 16) t_batch = batch;
        return written;
    }

    private long ExpiryAfter(TimeSpan ttl)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ttl, TimeSpan.Zero, nameof(ttl));
        return checked(NowUnixMs() + (long)Math.Ceiling(ttl.TotalMilliseconds));
    }

    private void CheckBatch(WriteBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (batch.Bytes > _options.WriteBatchBytesMax)
        {
            throw new ArgumentException(
                $"the batch has {batch.Bytes} bytes; at most {_options.WriteBatchBytesMax} are written at once", nameof(batch));
        }
    }

    private bool MustSync(LsmWriteOptions? options) => _wal is not null
        && (options?.Sync == true || _options.WriteAheadLog is LsmWalMode.Always or LsmWalMode.Batch);

    /// <summary>The lead's work: commits the batch and those that wait, and passes the lead on.</summary>
    private Exception? Lead(WriteBatch batch, bool sync)
    {
        Exception? failure = null;
        _group.Clear();
        try
        {
            MakeRoom(batch.Bytes);
            // Always: a sync of its own for each.
            if (_options.WriteAheadLog != LsmWalMode.Always)
            {
                if (sync && _loop is not null) _companions.Await(_queue);
                _queue.Gather(_group, GroupBytesMax - batch.Bytes);
            }

            foreach (PendingWrite write in _group) sync |= write.Sync;
            Commit(batch, sync);
        }
        catch (Exception e)
        {
            failure = e;
            // Those that queued up would be refused one by one for the same reason.
            if (e is LsmFailedException or LsmDiskFullException or ObjectDisposedException)
                _queue.Gather(_group, GroupBytesMax);
        }

        foreach (PendingWrite write in _group) write.Complete(failure is null ? null : Refusals.Again(failure));
        _group.Clear();
        PassOn();
        return failure;
    }

    /// <summary>Runs the action while no write runs.</summary>
    private T Alone<T>(Func<T> action)
    {
        if (!_queue.TryLead())
        {
            var turn = PendingWrite.Alone();
            if (!_queue.LeadOrWait(turn)) turn.WaitForTurn();
        }

        try
        {
            return action();
        }
        finally
        {
            PassOn();
        }
    }

    private void PassOn()
    {
        PendingWrite? next = _queue.PassOn();
        if (next is null) return;
        if (next.IsAwaited) HandOver(next);
        else next.Promote();
    }

    private void HandOver(PendingWrite write)
    {
        PendingWrite? earlier = Interlocked.Exchange(ref _handedOver, write);
        Invariant.Assert(earlier is null);
        LsmLoop? loop = _loop;
        if (loop is not null) loop.WakeCommit();
        else RunCommitOnce();
    }

    private void Commit(WriteBatch batch, bool sync)
    {
        // Sequence numbers of a failed write are not used again: part of it may be in the log.
        ulong first = _lastSequence + 1;
        _walBatch.Clear();
        long bytes = Seal(batch);
        foreach (PendingWrite write in _group) bytes += Seal(write.Batch!);
        if (_wal is not null) Log(sync);
        try
        {
            ulong sequence = first;
            Insert(batch, ref sequence);
            foreach (PendingWrite write in _group) Insert(write.Batch!, ref sequence);
            Invariant.Assert(sequence == _lastSequence + 1);
        }
        catch (Exception e)
        {
            // A part is in the memtable and must never become visible.
            throw Fail(e);
        }

        Volatile.Write(ref _visible, _lastSequence);
        _userBytes += bytes;
    }

    private long Seal(WriteBatch batch)
    {
        ReadOnlyMemory<byte> payload = batch.Seal(_lastSequence + 1);
        _lastSequence += (ulong)batch.Count;
        Invariant.Assert(_lastSequence <= Trailer.SequenceMax);
        if (_wal is not null) _walBatch.Add(BatchRecord, payload.Span);
        return payload.Length;
    }

    private void Log(bool sync)
    {
        try
        {
            long started = sync ? Stopwatch.GetTimestamp() : 0;
            lock (_walLock)
            {
                _wal!.Append(_walBatch);
                if (sync) _wal.Sync();
            }

            if (sync) _companions.Note(_group.Count + 1, Stopwatch.GetTimestamp() - started);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            NoteDiskFull(e);
            throw DiskFull(e);
        }
        catch (Exception e)
        {
            throw Fail(e);
        }
    }

    private void Insert(WriteBatch batch, ref ulong sequence)
    {
        Memtable memtable = _active;
        memtable.NoteWatermark(batch.Watermark);
        WriteBatchReader reader = batch.Read();
        while (reader.TryRead(out EntryKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
            memtable.Add(sequence++, kind, key, value);
        Invariant.Assert(!reader.IsMalformed);
    }

    /// <summary>
    /// Seals a full memtable, and waits or slows down where background work is behind. The caller leads.
    /// </summary>
    private void MakeRoom(int bytes)
    {
        while (true)
        {
            ThrowIfRefusing();
            if (!IsFull(_active))
            {
                SlowDown(bytes);
                return;
            }

            if (MaySeal())
            {
                SealActive("memtable_full");
                return;
            }

            if (_loop is not null)
            {
                WaitForRelief();
            }
            else if (!RunFlushOnce() && !RunCompactionOnce())
            {
                // Not RunOnce: whoever it lets go on may write, and would wait here for itself.
                // Nobody else will make room: whoever steps the engine holds back by Stats.IsStalled.
                SealActive("memtable_full");
                return;
            }
        }
    }

    private bool WouldWait() => (IsFull(_active) && !MaySeal()) || Volatile.Read(ref _slowdown) > 0;

    private bool IsFull(Memtable memtable) =>
        memtable.Bytes >= _options.MemtableBytes || memtable.RangeDeletes >= RangeDeletesPerMemtableMax;

    private bool MaySeal()
    {
        Versions.ReadView view = Volatile.Read(ref _view);
        return view.Immutables.Length < _options.ImmutableMemtablesMax
            && view.Version.Levels[0].Length < _options.L0StopTrigger;
    }

    private void WaitForRelief()
    {
        long started = _options.Time.GetTimestamp();
        int tables = Volatile.Read(ref _view).Version.Levels[0].Length;
        _options.Events.Emit(new L0Stall(tables, _options.L0StopTrigger));
        lock (_relief)
        {
            _stalls++;
            while (!MaySeal() && _failure is null && !_isDiskFull && _closing == 0) Monitor.Wait(_relief);
        }

        TimeSpan waited = _options.Time.GetElapsedTime(started);
        Interlocked.Add(ref _stallTicks, waited.Ticks);
        _metrics.NoteStall(waited);
    }

    /// <summary>
    /// Holds writes to a rate that falls as the debt grows, so that the stop is seldom reached.
    /// </summary>
    private void SlowDown(int bytes)
    {
        double pressure = Volatile.Read(ref _slowdown);
        if (pressure <= 0 || _loop is null) return;
        double rate = _options.SlowdownBytesPerSecond * (1 - (0.9 * Math.Min(1, pressure)));
        _owedSeconds += bytes / rate;
        if (_owedSeconds < 0.001) return;
        int milliseconds = (int)Math.Clamp(_owedSeconds * 1000, 1, 100);
        _owedSeconds = 0;
        _stalls++;
        lock (_relief)
        {
            if (_failure is null && _closing == 0) Monitor.Wait(_relief, milliseconds);
        }

        TimeSpan held = TimeSpan.FromMilliseconds(milliseconds);
        Interlocked.Add(ref _stallTicks, held.Ticks);
        _metrics.NoteStall(held);
    }

    /// <summary>The memtable takes no more; the next one does. The caller leads.</summary>
    private ulong SealActive(string reason)
    {
        Memtable full = _active;
        if (_wal is not null)
        {
            lock (_walLock) full.LogEnd = _wal.End;
        }

        Memtable next = NewMemtable();
        lock (_viewLock)
        {
            _active = next;
            _immutables = [full, .. _immutables];
            PublishView();
        }

        _options.Events.Emit(new FlushTriggered(reason, full.Bytes));
        _options.Owner?.OnMemtableSealed(full.Id);
        _loop?.WakeFlush();
        return full.Id;
    }
}
