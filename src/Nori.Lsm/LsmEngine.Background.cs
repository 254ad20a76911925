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
    // One flush at a time; the second comer returns at once.
    private readonly Lock _flushGate = new();
    private readonly CompactionLane[] _lanes;

    private BuiltTable? _built;

    // Guarded by _manifestLock: the version in which nothing was to be compacted while nothing ran. The next look at it is cheap.
    private LsmVersion? _settledVersion;
    private readonly ManualTurn _manual = new();
    private long _reportedHits;
    private long _reportedReads;
    private int _nextLane;

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
        bool worked = RunFlushOnce() || RunCompactionOnce() || (_loop is null && RunScrubOnce());
        if (!worked && _loop is null) NoteDurableWhenIdle();
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
        catch (StorageException e) when (e.IsShortage)
        {
            Volatile.Write(ref _shortage, e);
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

    /// <summary>A slice of a compaction under way, or the next one; false when none is needed.</summary>
    internal bool RunCompactionOnce()
    {
        // By turns, so that none of them waits for the end of another.
        for (int i = 0; i < _lanes.Length; i++)
        {
            int lane = _nextLane;
            _nextLane = (lane + 1) % _lanes.Length;
            if (RunCompactionOnce(lane)) return true;
        }

        return false;
    }

    /// <summary>As <see cref="RunCompactionOnce()"/>, in one lane.</summary>
    internal bool RunCompactionOnce(int index)
    {
        CompactionLane lane = _lanes[index];
        if (!lane.Gate.TryEnter()) return false;
        try
        {
            bool deleted = _store.DeleteObsolete();
            if (_failure is not null || _disposed) return deleted;
            if (lane.Job is null && !BeginCompaction(lane)) return deleted;
            if (lane.Job is not { } job) return true;
            long before = job.BytesWritten;
            if (!job.IsFinished && !job.RunOnce(_options.CompactionStepBytes))
            {
                _limiter.Note(job.BytesWritten - before);
                _options.Events.Emit(new CompactionProgress(job.Pick.OutputLevel, job.Progress * 100));
                return true;
            }

            _limiter.Note(job.BytesWritten - before);
            InstallCompaction(lane, job);
            return true;
        }
        catch (StorageException e) when (e.IsDiskFull || e.IsShortage)
        {
            // A finished job keeps its outputs and is installed again later; a half-written one begins anew.
            if (lane.Job is not { IsFinished: true }) EndCompaction(lane, abandon: true, wake: false);
            if (e.IsDiskFull) NoteDiskFull(e);
            else Volatile.Write(ref _shortage, e);
            return false;
        }
        catch (Exception e) when (lane.Job is not { IsFinished: true } && MayGoAround(e))
        {
            EndCompaction(lane, abandon: true);
            return true;
        }
        catch (Exception e)
        {
            // A finished job's outputs stay: the manifest, whose sync may have failed, may name them.
            EndCompaction(lane, abandon: lane.Job is { IsFinished: false });
            Fail(e);
            return false;
        }
        finally
        {
            lane.Gate.Exit();
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
        TableMeta? meta = FlushJob.Run(
            memtable, _options, _store, SnapshotSequences(), _cutoff, NextTableNumber(), out long expired);
        Interlocked.Add(ref _expiredEntries, expired);
        _limiter.Note(meta?.Bytes ?? 0);
        return new BuiltTable(memtable, meta, Stopwatch.GetElapsedTime(started));
    }

    private void InstallFlush(BuiltTable built)
    {
        Memtable memtable = built.Memtable;
        var edit = new VersionEdit { LastSequence = memtable.LargestSequence };
        if (_wal is not null)
        {
            edit.LogPosition = memtable.LogEnd;
            // What was synced, not where tables end: under Os, and behind a mark, a loss of power may take what lies in between.
            lock (_walLock) edit.LogDurable = _wal.DurableEnd;
        }

        if (memtable.MaxWatermark != 0) edit.FlushedWatermark = memtable.MaxWatermark;
        if (built.Table is { } table) edit.Added.Add((0, table));
        Install(edit, memtable);
        _flushedBytes += built.Table?.Bytes ?? 0;
        NoteGotThrough();
        _options.Owner?.OnFlushed(memtable.Id);
        _metrics.NoteFlush(built.Elapsed);
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

    private bool BeginCompaction(CompactionLane lane)
    {
        LsmVersion version;
        CompactionPick? pick;
        ManualCompaction? manual = _manual.Current;
        lock (_manifestLock)
        {
            // Version and range together: an ingest in between could put a table where this one's outputs will lie.
            version = AcquireVersion();
            List<CompactionPick> running = Running();
            List<CompactionPick> apart = SetApart();
            pick = manual is null
                ? PickLocked(version, running, apart)
                : PickBeside(manual, lane, version, running, apart);
            lane.Pick = pick;
        }

        try
        {
            if (manual is { IsDone: true }) _manual.End(manual);
            if (pick is null) return false;
            _options.Events.Emit(new CompactionStart(pick.Level, pick.OutputLevel, pick.InputBytes));
            lane.JobStarted = Stopwatch.GetTimestamp();
            if (pick.MayMove)
            {
                Move(lane, pick);
                return true;
            }

            lane.Job = new CompactionJob(pick, version, _options, _store, SnapshotSequences(), _cutoff, NextTableNumber);
            return true;
        }
        finally
        {
            version.Release();
        }
    }

    /// <summary>
    /// What was asked for comes first and nothing new gets in its way, but level 0 where it slows writes down: they would stop
    /// until the last of many steps is done.
    /// </summary>
    private CompactionPick? PickBeside(
        ManualCompaction manual, CompactionLane lane, LsmVersion version, List<CompactionPick> running, List<CompactionPick> apart)
    {
        bool isUrgent = version.Levels[0].Length >= _options.L0SlowdownTrigger;
        if (isUrgent && CompactionPicker.PickFullLevel0(version, _options, running, apart) is { } urgent) return urgent;
        if (!lane.TakesManual) return null;
        CompactionPick? pick = manual.Next(version, _options, running, apart);
        return manual.IsDone ? PickLocked(version, running, apart) : pick;
    }

    // A pick follows from a version, what runs and what is set apart: with none of these a version that needed none never does.
    private CompactionPick? PickLocked(LsmVersion version, List<CompactionPick> running, List<CompactionPick> apart)
    {
        bool isAlone = running.Count + apart.Count == 0;
        if (isAlone && _settledVersion == version) return null;
        CompactionPick? pick = CompactionPicker.Pick(version, _options, running, apart);
        if (isAlone && pick is null) _settledVersion = version;
        return pick;
    }

    private void Move(CompactionLane lane, CompactionPick pick)
    {
        var edit = new VersionEdit();
        foreach (TableFile file in pick.Inputs)
        {
            edit.Removed.Add((pick.Level, file.Number));
            edit.Added.Add((pick.OutputLevel, file.Meta));
        }

        Install(edit, null);
        EndPick(lane, wake: true);
        _options.Events.Emit(new CompactionFinish(pick.OutputLevel, pick.InputBytes, 0));
    }

    private void InstallCompaction(CompactionLane lane, CompactionJob job)
    {
        Install(job.ToEdit(), null);
        Interlocked.Add(ref _compactionRead, job.Pick.InputBytes);
        Interlocked.Add(ref _compactionWritten, job.BytesWritten);
        Interlocked.Add(ref _expiredEntries, job.EntriesExpired);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(lane.JobStarted);
        _metrics.NoteCompaction(job.Pick.OutputLevel, elapsed);
        _options.Events.Emit(new CompactionFinish(job.Pick.OutputLevel, job.Pick.InputBytes, job.BytesWritten));
        EndCompaction(lane, abandon: false);
        NoteGotThrough();
        _store.DeleteObsolete();
    }

    /// <param name="lane">Where it was under way.</param>
    /// <param name="abandon">True: what it wrote is deleted.</param>
    /// <param name="wake">False: it is to be tried again later, by no lane at once.</param>
    private void EndCompaction(CompactionLane lane, bool abandon, bool wake = true)
    {
        CompactionJob? job = lane.Job;
        lane.Job = null;
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
            EndPick(lane, wake);
        }
    }

    private void EndPick(CompactionLane lane, bool wake)
    {
        lock (_manifestLock) lane.Pick = null;
        // Another lane may have waited for just this one.
        if (wake && _lanes.Length > 1) _loop?.WakeCompaction();
    }

    /// <summary>What is under way; for tests.</summary>
    internal IReadOnlyList<CompactionPick> RunningCompactions()
    {
        lock (_manifestLock) return Running();
    }

    /// <summary>What is under way; the caller holds _manifestLock.</summary>
    private List<CompactionPick> Running()
    {
        var running = new List<CompactionPick>(_lanes.Length);
        foreach (CompactionLane lane in _lanes)
            if (lane.Pick is { } pick) running.Add(pick);
        return running;
    }

    private LsmFailedException Fail(Exception cause)
    {
        Exception first = cause is LsmFailedException { InnerException: { } inner } ? inner : cause;
        first = Interlocked.CompareExchange(ref _failure, first, null) ?? first;
        lock (_relief) Monitor.PulseAll(_relief);
        CompleteFlushWaiters();
        _manual.Fail(new LsmFailedException(first));
        return new LsmFailedException(first);
    }

    private void NoteDiskFull(Exception cause)
    {
        _diskFullCause = cause;
        _isDiskFull = true;
        lock (_relief) Monitor.PulseAll(_relief);
        CompleteFlushWaiters();
    }

    /// <summary>A flush or a compaction did: there is space, and there are handles.</summary>
    private void NoteGotThrough()
    {
        Volatile.Write(ref _shortage, null);
        ClearDiskFull();
    }

    private void ClearDiskFull()
    {
        if (!_isDiskFull) return;
        _isDiskFull = false;
        lock (_relief) Monitor.PulseAll(_relief);
    }

    private LsmDiskFullException DiskFull(Exception? cause) => new(_options.Directory, _options.DiskFullResumeBytes, cause);

    /// <summary>With nothing to flush, free space alone ends the refusal.</summary>
    private bool ProbeSpace()
    {
        if (!_isDiskFull || _files.FreeBytes(_options.Directory) < _options.DiskFullResumeBytes) return false;
        ClearDiskFull();
        return true;
    }

    private void ThrowIfRefusing()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _closing) == 1, this);
        if (_failure is { } failure) throw new LsmFailedException(failure);
        if (_isDiskFull) throw DiskFull(_diskFullCause);
    }
}
