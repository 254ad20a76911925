using System.Diagnostics;
using Nori.Core;
using Nori.IO;
using Nori.Lsm.Compaction;
using Nori.Lsm.Events;
using Nori.Lsm.Manifest;
using Nori.Lsm.Memtables;
using Nori.Lsm.Versions;

namespace Nori.Lsm;

/// <summary>Flush and compaction as steps, and the installing of what they made.</summary>
public sealed partial class LsmEngine
{
    // One flush and one compaction at a time; the second comer returns at once.
    private readonly Lock _flushGate = new();
    private readonly Lock _compactionGate = new();

    private BuiltTable? _built;
    private CompactionJob? _job;
    private CompactionPick? _running;
    private ManualCompaction? _manual;
    private long _reportedHits;
    private long _reportedReads;

    private sealed record BuiltTable(Memtable Memtable, TableMeta? Table, TimeSpan Elapsed);

    /// <summary>
    /// One background step on the caller's thread: a flush, or a slice of a compaction. False when there was
    /// nothing to do.
    /// </summary>
    /// <remarks>
    /// For engines opened with RunBackground = false; harmless beside the engine's own threads.
    /// </remarks>
    public bool RunOnce()
    {
        bool worked = RunFlushOnce() || RunCompactionOnce();
        Settle();
        return worked;
    }

    /// <summary>
    /// The owner's log is durable further than before: tables held back are asked about again.
    /// </summary>
    public void NotifyDurable() => _loop?.WakeFlush();

    /// <summary>
    /// Flushes the oldest sealed memtable; false when none waits or the owner's log is not durable so far.
    /// </summary>
    internal bool RunFlushOnce()
    {
        if (!_flushGate.TryEnter()) return false;
        try
        {
            if (_failure is not null || _disposed) return false;
            Memtable? oldest = OldestImmutable();
            if (oldest is null) return ProbeSpace();
            _built ??= Build(oldest);
            Invariant.Assert(_built.Memtable == oldest);

            // The gate: a table that says "applied so far" must not outlive a log that does not reach so far.
            if (_options.Owner is { } owner && !owner.MayInstall(oldest.Id, oldest.MaxWatermark)) return false;
            InstallFlush(_built);
            _built = null;
            return true;
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            NoteDiskFull(e);
            return false;
        }
        catch (Exception e)
        {
            Fail(e);
            return false;
        }
        finally
        {
            _flushGate.Exit();
        }
    }

    /// <summary>A slice of the compaction under way, or the next one; false when none is needed.</summary>
    internal bool RunCompactionOnce()
    {
        if (!_compactionGate.TryEnter()) return false;
        try
        {
            bool deleted = _store.DeleteObsolete();
            if (_failure is not null || _disposed) return deleted;
            if (_job is null && !BeginCompaction()) return deleted;
            if (_job is null) return true;
            long before = _job.BytesWritten;
            if (!_job.IsFinished && !_job.RunOnce(_options.CompactionStepBytes))
            {
                _limiter.Note(_job.BytesWritten - before);
                _options.Events.Emit(new CompactionProgress(_job.Pick.OutputLevel, _job.Progress * 100));
                return true;
            }

            _limiter.Note(_job.BytesWritten - before);
            InstallCompaction(_job);
            return true;
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // A finished job keeps its outputs and is installed again later; a half-written one begins anew.
            if (_job is { IsFinished: false }) EndCompaction(abandon: true);
            NoteDiskFull(e);
            return false;
        }
        catch (Exception e)
        {
            // A finished job's outputs stay: the manifest, whose sync may have failed, may name them.
            EndCompaction(abandon: _job is { IsFinished: false });
            Fail(e);
            return false;
        }
        finally
        {
            _compactionGate.Exit();
        }
    }

    private Memtable? OldestImmutable()
    {
        lock (_viewLock) return _immutables.Length == 0 ? null : _immutables[^1];
    }

    private BuiltTable Build(Memtable memtable)
    {
        long started = Stopwatch.GetTimestamp();
        _options.Events.Emit(new FlushStart(memtable.Bytes));
        TableMeta? meta = FlushJob.Run(memtable, _options, _store, SnapshotSequences(), _cutoff, NextFileNumber());
        _limiter.Note(meta?.Bytes ?? 0);
        return new BuiltTable(memtable, meta, Stopwatch.GetElapsedTime(started));
    }

    private void InstallFlush(BuiltTable built)
    {
        Memtable memtable = built.Memtable;
        var edit = new VersionEdit { LastSequence = memtable.LargestSequence };
        if (_wal is not null) edit.LogPosition = memtable.LogEnd;
        if (memtable.MaxWatermark != 0) edit.FlushedWatermark = memtable.MaxWatermark;
        if (built.Table is { } table) edit.Added.Add((0, table));
        Install(edit, memtable);
        _flushedBytes += built.Table?.Bytes ?? 0;
        ClearDiskFull();
        _options.Owner?.OnFlushed(memtable.Id);
        if (built.Table is { } flushed)
            _options.Events.Emit(new FlushComplete((long)flushed.Number, flushed.Bytes, flushed.Entries));

        EmitHitRatio();

        // Only now: until the manifest says so, the log is the only place that has it.
        if (_wal is not null)
        {
            lock (_walLock) _wal.DeleteSegmentsBefore(memtable.LogEnd);
        }

        _loop?.WakeCompaction();
    }

    private void EmitHitRatio()
    {
        long hits = CacheHits, reads = hits + CacheMisses;
        if (reads > _reportedReads)
            _options.Events.Emit(new CacheHitRatio("block", (hits - _reportedHits) / (double)(reads - _reportedReads)));
        (_reportedHits, _reportedReads) = (hits, reads);
    }

    private bool BeginCompaction()
    {
        LsmVersion version;
        CompactionPick? pick;
        ManualCompaction? manual = Volatile.Read(ref _manual);
        lock (_manifestLock)
        {
            // Version and range together: an ingest in between could put a table where this one's outputs will lie.
            version = AcquireVersion();
            pick = manual?.Next(version, _options) ?? CompactionPicker.Pick(version, _options);
            _running = pick;
        }

        try
        {
            if (manual is { IsDone: true }) EndManual(null);
            if (pick is null) return false;
            _options.Events.Emit(new CompactionStart(pick.Level, pick.OutputLevel, pick.InputBytes));
            _jobStarted = Stopwatch.GetTimestamp();
            if (pick.MayMove)
            {
                Move(pick);
                return true;
            }

            version.Acquire();
            _job = new CompactionJob(pick, version, _options, _store, SnapshotSequences(), _cutoff, NextFileNumber);
            return true;
        }
        finally
        {
            version.Release();
        }
    }

    private void Move(CompactionPick pick)
    {
        var edit = new VersionEdit();
        foreach (TableFile file in pick.Inputs)
        {
            edit.Removed.Add((pick.Level, file.Number));
            edit.Added.Add((pick.OutputLevel, file.Meta));
        }

        try
        {
            Install(edit, null);
        }
        finally
        {
            SetRunning(null);
        }

        _options.Events.Emit(new CompactionFinish(pick.OutputLevel, pick.InputBytes, 0));
    }

    private void InstallCompaction(CompactionJob job)
    {
        Install(job.ToEdit(), null);
        _compactionRead += job.Pick.InputBytes;
        _compactionWritten += job.BytesWritten;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_jobStarted);
        _metrics.NoteCompaction(job.Pick.OutputLevel, elapsed);
        _options.Events.Emit(new CompactionFinish(job.Pick.OutputLevel, job.Pick.InputBytes, job.BytesWritten));
        EndCompaction(abandon: false);
        ClearDiskFull();
        _store.DeleteObsolete();
    }

    private void EndCompaction(bool abandon)
    {
        CompactionJob? job = _job;
        _job = null;
        try
        {
            if (abandon) job?.Abandon();
            else job?.Dispose();
        }
        catch (StorageException) when (abandon)
        {
            // What could not be deleted is an orphan: opening removes it.
        }
        finally
        {
            SetRunning(null);
        }
    }

    private void SetRunning(CompactionPick? pick)
    {
        lock (_manifestLock) _running = pick;
    }

    private LsmFailedException Fail(Exception cause)
    {
        Exception first = cause is LsmFailedException { InnerException: { } inner } ? inner : cause;
        first = Interlocked.CompareExchange(ref _failure, first, null) ?? first;
        lock (_relief) Monitor.PulseAll(_relief);
        CompleteFlushWaiters();
        EndManual(new LsmFailedException(first));
        return new LsmFailedException(first);
    }

    private void NoteDiskFull(Exception cause)
    {
        _diskFullCause = cause;
        _isDiskFull = true;
        lock (_relief) Monitor.PulseAll(_relief);
    }

    private void ClearDiskFull()
    {
        if (!_isDiskFull) return;
        _isDiskFull = false;
        lock (_relief) Monitor.PulseAll(_relief);
    }

    /// <summary>
    /// With nothing to flush, free space alone ends the refusal: a memtable's worth of it, twice.
    /// </summary>
    private bool ProbeSpace()
    {
        if (!_isDiskFull || _files.FreeBytes(_options.Directory) < 2 * _options.MemtableBytes) return false;
        ClearDiskFull();
        return true;
    }

    private void ThrowIfRefusing()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _closing) == 1, this);
        if (_failure is { } failure) throw new LsmFailedException(failure);
        if (_isDiskFull) throw new LsmDiskFullException(_options.Directory, _diskFullCause);
    }
}
