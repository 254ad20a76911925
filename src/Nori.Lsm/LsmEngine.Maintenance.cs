using Nori.IO;
using Nori.Lsm.Compaction;
using Nori.Lsm.Events;
using Nori.Lsm.Ingestion;
using Nori.Lsm.Manifest;
using Nori.Lsm.Memtables;
using Nori.Lsm.Versions;

namespace Nori.Lsm;

/// <summary>Flush, compact, checkpoint and ingest on demand.</summary>
public sealed partial class LsmEngine
{
    // Of an ingest or a checkpoint, beside others that get in its way; then writers wait for it.
    private const int TriesBeforeHolding = 4;

    // Guards itself: callers that wait until the memtables up to an id are in tables.
    private readonly List<FlushWaiter> _flushWaiters = [];

    // Of an engine without threads: callers whose wait is over, until the step that ended it is.
    private readonly System.Collections.Concurrent.ConcurrentQueue<(TaskCompletionSource Done, Exception? Failure)> _settled = new();
    private readonly SemaphoreSlim _manualTurn = new(1, 1);

    // Guarded by _manifestLock: the newest memtable that held writes when tables were ingested. Until it is flushed the tables have
    // what is newer than those writes and not them.
    private ulong _ingestedBeside;

    /// <param name="Memtable">The newest that must be flushed.</param>
    /// <param name="IsWrite">True: a full disk refuses it, as it does every write. A flush alone waits for space.</param>
    /// <param name="Done">Its wait.</param>
    private readonly record struct FlushWaiter(ulong Memtable, bool IsWrite, TaskCompletionSource Done);

    /// <summary>Asks for the memtable to be sealed and flushed soon; returns at once.</summary>
    /// <param name="reason">For the event: log_pinned, memory, …</param>
    public void RequestFlush(string reason)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        Alone(() => _failure is not null || _disposed ? 0 : SealIfUsed(reason));
    }

    /// <summary>
    /// Seals the memtable; completes when all that was written before is in durable tables. With an owner whose log is not durable
    /// so far it waits for <see cref="NotifyDurable"/>, on a full disk for space: it refuses nothing, as what it flushes was taken
    /// before. Without background threads the steps run here.
    /// </summary>
    /// <param name="ct">Stops waiting.</param>
    /// <exception cref="LsmFailedException">The engine stopped writing.</exception>
    public Task FlushAsync(CancellationToken ct = default) => FlushAsync(isWrite: false, ct);

    private Task FlushAsync(bool isWrite, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        ulong id = Alone(() =>
        {
            ThrowIfStopped();
            return SealIfUsed("requested");
        });
        return WhenFlushed(id, isWrite, ct);
    }

    /// <summary>
    /// Compacts [start, end) down to the last level, so that nothing deleted or expired takes space there; around what is set
    /// apart (<see cref="LsmDamageAction.SetApart"/>), which stays as it is. On a full disk it waits for space.
    /// </summary>
    /// <param name="start">Null: from the first key.</param>
    /// <param name="end">Null: to the last key.</param>
    /// <param name="ct">Stops waiting; what began is finished, or given up when somebody asks for another compaction.</param>
    public async Task CompactRangeAsync(
        ReadOnlyMemory<byte>? start = null, ReadOnlyMemory<byte>? end = null, CancellationToken ct = default)
    {
        await FlushAsync(ct).ConfigureAwait(false);
        await _manualTurn.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            var manual = new ManualCompaction(
                Bound(start), Bound(end), Volatile.Read(ref _nextFileNumber));
            _options.Events.Emit(new CompactionScheduled(0));
            _manual.Begin(manual);
            ThrowIfStopped();
            if (_loop is not null) _loop.WakeCompaction();
            else RunWhile(() => !manual.Completion.Task.IsCompleted);
            await manual.Completion.Task.WaitAsync(ct).ConfigureAwait(false);
        }
        finally
        {
            _manualTurn.Release();
        }
    }

    /// <summary>
    /// Makes a copy of the engine in a new directory, by hard links on the same file system; durable on return. It opens as an
    /// engine of its own and holds one moment between call and return: everything that was acknowledged or ingested until then, and
    /// nothing of later. Flushes anew where tables are ingested meanwhile, and on a full disk waits for space to flush.
    /// </summary>
    /// <param name="directory">Must not exist, or be empty. Empty again when this throws.</param>
    /// <param name="ct">Honoured while flushing.</param>
    /// <exception cref="LsmDiskFullException">No space, while ingests without end left no moment to take.</exception>
    public async Task CheckpointAsync(string directory, CancellationToken ct = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (_files.DirectoryExists(directory) && _files.List(directory).Count > 0)
            throw new ArgumentException($"{directory} is not empty", nameof(directory));
        (LsmVersion Version, VersionEdit Whole)? taken = null;
        for (int attempt = 1; taken is null; attempt++)
        {
            await FlushAsync(ct).ConfigureAwait(false);
            taken = attempt <= TriesBeforeHolding ? TakeMoment() : Alone(HoldForMoment);
        }

        try
        {
            Checkpoint.Write(_files, _options.Directory, directory, taken.Value.Whole);
        }
        finally
        {
            taken.Value.Version.Release();
        }
    }

    /// <summary>What the tables say of one moment; null while they have later things than a memtable, see _ingestedBeside.</summary>
    private (LsmVersion Version, VersionEdit Whole)? TakeMoment()
    {
        lock (_manifestLock)
        {
            if (OldestUnflushed() <= _ingestedBeside) return null;
            LsmVersion version = AcquireVersion();
            return (version, WholeState(new VersionEdit(), version));
        }
    }

    /// <summary>The caller is alone: nothing is ingested or written meanwhile.</summary>
    private (LsmVersion Version, VersionEdit Whole)? HoldForMoment()
    {
        ThrowIfRefusing();
        FlushHeld(() => OldestUnflushed() <= _ingestedBeside);
        return TakeMoment();
    }

    private ulong OldestUnflushed()
    {
        lock (_viewLock) return _immutables.Length == 0 ? _active.Id : _immutables[^1].Id;
    }

    /// <summary>
    /// Adds finished tables by one manifest edit, without rewriting them: all of them or none, durable on
    /// return. Their
    /// entries are newer than everything written before; a range delete in a table deletes what the engine held
    /// before, not
    /// the tables' own entries. Sequence numbers in the files do not count.
    /// </summary>
    /// <param name="tables">
    /// Paths on the engine's file system; disjoint in keys. They are linked: the originals stay. In the engine's directory the next
    /// opening deletes what is named as its tables are.
    /// </param>
    /// <param name="verify">
    /// True: every block of the tables is read and checked first, on the caller's thread. False, for who has just written them:
    /// footer, index and filter only; damage elsewhere is met later, see <see cref="LsmOptions.OnDamage"/>.
    /// </param>
    /// <param name="ct">Honoured before the tables are taken.</param>
    /// <exception cref="ArgumentException">Tables overlap each other.</exception>
    /// <exception cref="CorruptionException">A table is damaged; nothing was taken.</exception>
    /// <exception cref="LsmDiskFullException">Refused: no space; nothing was taken.</exception>
    public async Task IngestAsync(IReadOnlyList<string> tables, bool verify = true, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(tables);
        if (tables.Count == 0) return;
        ThrowIfRefusing();
        var ingest = new IngestFiles(_files, _options.Directory, tables);
        bool installed = false;
        try
        {
            ingest.Check(verify, ct);
            Link(ingest);
            installed = ingest.Metas.Count == 0;
            for (int attempt = 1; !installed; attempt++)
            {
                ct.ThrowIfCancellationRequested();
                bool last = attempt > TriesBeforeHolding;
                installed = Alone(() => TryInstallIngest(ingest, holdWriters: last));
                // A memtable holds keys of the tables: it must be in a table below them first.
                if (!installed) await FlushAsync(isWrite: true, ct).ConfigureAwait(false);
            }
        }
        finally
        {
            // Linked files that were not installed go again, unless a manifest that may come into force names them.
            if (!installed && !ingest.MayBeNamed) ingest.Unlink();
        }

        _loop?.WakeCompaction();
    }

    private void Link(IngestFiles ingest)
    {
        try
        {
            ingest.Link(NextTableNumber);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            NoteDiskFull(e);
            throw DiskFull(e);
        }
    }

    private static byte[]? Bound(ReadOnlyMemory<byte>? key) => key is { IsEmpty: false } given ? given.ToArray() : null;

    /// <summary>The caller is alone: no write runs.</summary>
    private bool TryInstallIngest(IngestFiles ingest, bool holdWriters)
    {
        ThrowIfRefusing();
        if (MemtablesOverlap(ingest))
        {
            if (!holdWriters) return false;
            FlushHeld(() => MemtablesOverlap(ingest));
        }

        SyncLog();
        ulong sequence = ++_lastSequence;
        var edit = new VersionEdit { LastSequence = sequence };
        lock (_manifestLock)
        {
            foreach (TableMeta meta in ingest.Metas)
            {
                int level = ingest.LevelFor(meta, _version, [.. Running(), .. SetApart()]);
                edit.Added.Add((level, meta with
                {
                    GlobalSequence = sequence,
                    SmallestSequence = sequence,
                    LargestSequence = sequence,
                }));
            }

            ingest.MayBeNamed = true;
            try
            {
                Install(edit, null);
            }
            catch (StorageException e) when (e.IsDiskFull)
            {
                ingest.MayBeNamed = _manifest.IsInDoubt;
                NoteDiskFull(e);
                throw DiskFull(e);
            }

            lock (_viewLock)
            {
                if (!_active.IsEmpty) _ingestedBeside = _active.Id;
                else if (_immutables.Length > 0) _ingestedBeside = _immutables[0].Id;
            }
        }

        // The view is published already: see EnterView.
        Volatile.Write(ref _visible, sequence);
        return true;
    }

    /// <summary>Flushes until the condition ends; the caller is alone, so writers wait meanwhile.</summary>
    private void FlushHeld(Func<bool> condition)
    {
        SealIfUsed("held");
        while (condition())
        {
            ThrowIfRefusing();
            if (_loop is null && RunFlushOnce()) continue;
            _loop?.WakeFlush();
            lock (_relief) Monitor.Wait(_relief, 10);
        }
    }

    /// <summary>
    /// The tables are durable at once; under Os the writes before them must not be lost when they are not.
    /// </summary>
    private void SyncLog()
    {
        if (_wal is null) return;
        try
        {
            lock (_walLock) _wal.Sync();
        }
        catch (Exception e)
        {
            throw Fail(e);
        }
    }

    private bool MemtablesOverlap(IngestFiles ingest)
    {
        lock (_viewLock)
            return ingest.Overlaps(_active) || Array.Exists(_immutables, ingest.Overlaps);
    }

    /// <summary>
    /// Seals the memtable unless it is empty; returns the newest sealed memtable's id, 0 when all are flushed.
    /// </summary>
    private ulong SealIfUsed(string reason)
    {
        if (!_active.IsEmpty) return SealActive(reason);
        lock (_viewLock) return _immutables.Length == 0 ? 0 : _immutables[0].Id;
    }

    private Task WhenFlushed(ulong id, bool isWrite, CancellationToken ct)
    {
        // Who steps the engine wants what waits to go on in a step of its own, not on the thread pool.
        var done = new TaskCompletionSource(
            _loop is null ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_flushWaiters) _flushWaiters.Add(new FlushWaiter(id, isWrite, done));
        CompleteFlushWaiters();
        if (_loop is null)
        {
            RunWhile(() => IsWaiting(done), flushOnly: true);
            Settle();
        }

        return done.Task.WaitAsync(ct);
    }

    /// <summary>
    /// Without threads of its own the engine steps here, until there is nothing to do or the condition ends.
    /// </summary>
    private void RunWhile(Func<bool> condition, bool flushOnly = false)
    {
        while (condition() && (RunFlushOnce() || (!flushOnly && RunCompactionOnce())))
        {
        }
    }

    private void CompleteFlushWaiters()
    {
        ulong oldest;
        lock (_viewLock) oldest = _immutables.Length == 0 ? ulong.MaxValue : _immutables[^1].Id;
        lock (_flushWaiters)
        {
            if (_flushWaiters.Count == 0) return;
            for (int i = _flushWaiters.Count - 1; i >= 0; i--)
            {
                (ulong id, bool isWrite, TaskCompletionSource done) = _flushWaiters[i];
                Exception? failure = id < oldest ? null
                    : Volatile.Read(ref _failure) is { } failed ? new LsmFailedException(failed)
                    : _disposed ? new ObjectDisposedException(nameof(LsmEngine))
                    : isWrite && _isDiskFull ? DiskFull(_diskFullCause)
                    : null;
                if (id >= oldest && failure is null) continue;
                _flushWaiters.RemoveAt(i);
                if (_loop is null) _settled.Enqueue((done, failure));
                else Complete(done, failure);
            }
        }
    }

    private bool IsWaiting(TaskCompletionSource done)
    {
        lock (_flushWaiters) return _flushWaiters.Exists(waiter => waiter.Done == done);
    }

    /// <summary>Without threads: what waited goes on here, at the end of a step and outside of its locks.</summary>
    private void Settle()
    {
        while (_settled.TryDequeue(out (TaskCompletionSource Done, Exception? Failure) next)) Complete(next.Done, next.Failure);
    }

    private static void Complete(TaskCompletionSource done, Exception? failure)
    {
        if (failure is null) done.TrySetResult();
        else done.TrySetException(failure);
    }

    private void ThrowIfStopped()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_failure is { } failure) throw new LsmFailedException(failure);
    }
}
