using Nori.Core;
using Nori.IO;
using Nori.Lsm.Compaction;
using Nori.Lsm.Manifest;
using Nori.Lsm.Memtables;
using Nori.Lsm.Versions;
using Nori.SSTable;
using Nori.Wal;

namespace Nori.Lsm;

/// <summary>Opening: manifest, tables, orphans, log, a fresh manifest; in this order.</summary>
public sealed partial class LsmEngine
{
    /// <summary>Opens the engine in the directory, creating it when missing.</summary>
    /// <exception cref="ArgumentException">The options are not usable.</exception>
    /// <exception cref="DirectoryLockedException">Another engine has the directory.</exception>
    /// <exception cref="CorruptionException">A file is damaged or missing; nothing that is needed was deleted or cut.</exception>
    public static ValueTask<LsmEngine> OpenAsync(LsmOptions options, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        return new ValueTask<LsmEngine>(Open(options));
    }

    /// <summary>As <see cref="OpenAsync"/>, on the caller's thread.</summary>
    /// <inheritdoc cref="OpenAsync"/>
    public static LsmEngine Open(LsmOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        if (options.Seed == 0) options = options with { Seed = BitConverter.ToUInt64(Guid.NewGuid().ToByteArray()) };
        long started = options.Time.GetTimestamp();
        options.FileSystem.CreateDirectory(options.Directory);
        IDisposable held = options.FileSystem.LockDirectory(options.Directory);
        LsmEngine? engine = null;
        try
        {
            bool tablesMayMiss = options.OnDamage == LsmDamageAction.SetApart;
            StoredState state = StoredState.Read(options.FileSystem, options.Directory, tablesMayMiss);
            engine = new LsmEngine(options, held, state.StoreId);
            engine.Recover(state);
        }
        catch
        {
            if (engine is null) held.Dispose();
            else engine.Abandon();
            throw;
        }

        engine._scrubEnded = options.Time.GetTimestamp();
        engine.OpenReport = engine.OpenReport with { Elapsed = options.Time.GetElapsedTime(started) };
        if (options.RunBackground)
        {
            var loop = new LsmLoop(engine);
            engine._loop = loop;
            loop.Start();
        }

        return engine;
    }

    private void Recover(StoredState state)
    {
        _nextFileNumber = Math.Max(state.NextFileNumber, state.GreatestFileNumber + 1);
        _lastSequence = _visible = _flushedSequence = state.LastSequence;
        _logPosition = state.LogPosition;
        _logDurable = state.LogDurable;
        _flushedWatermark = state.FlushedWatermark;
        if (state.Levels > _options.Levels)
        {
            throw new ArgumentException(
                $"the engine was written with {state.Levels} levels; it cannot be opened with {_options.Levels}");
        }

        LsmVersion empty = _version;
        _version = VersionBuilder.Apply(empty, state.ToEdit(), _store, []);
        empty.Release();
        // All of them, so that a damaged or cut table is named now and not by an unlucky reader.
        foreach (TableFile file in _version.Files) CheckOpens(file);
        lock (_viewLock) PublishView();

        // Before the first change: when log and manifest contradict each other, tables that look like orphans may be the data.
        if (_options.WriteAheadLog == LsmWalMode.None) CheckLogIsFlushed(state);
        else if (LogSegments.List(_files, _options.Directory).Check(state.LogPosition) is { } damage) throw damage;
        IReadOnlyList<string> orphans = state.DeleteOrphans(_files, _options.Directory);
        _manifest = new ManifestWriter(_files, _options.Directory, _options.ManifestBytesMax);
        if (state.ManifestNumber != 0) _manifest.Adopt(state.ManifestNumber);
        RecoveryReport? log = _options.WriteAheadLog == LsmWalMode.None ? null : OpenLog(state);
        // A fresh manifest each time: no append ever goes behind a tail that a crash cut.
        if (!_manifest.IsBegun) BeginManifestOrWait(state);
        // What a full memtable began while the log was read says nothing of the log's end.
        else if (_logDurable > state.LogDurable) NoteDurableOrWait();
        NotePressure(_version);
        OpenReport = new LsmOpenReport
        {
            Created = state.ManifestNumber == 0,
            Tables = state.Tables.Count,
            OrphansDeleted = orphans,
            ManifestTornBytes = state.TornBytes,
            ManifestHealed = state.Healed,
            WalBatches = log?.Records ?? 0,
            WalTornBytes = log?.TornTailBytes ?? 0,
        };
    }

    /// <summary>A full disk is no reason not to serve what is there: the first change begins the manifest.</summary>
    private void BeginManifestOrWait(StoredState state)
    {
        try
        {
            BeginManifest();
        }
        catch (StorageException e) when (e.IsDiskFull && state.ManifestNumber != 0)
        {
            // Nothing of it is left, and the one before is still in force.
        }
    }

    private void NoteDurableOrWait()
    {
        try
        {
            lock (_manifestLock) Record(new VersionEdit { LogDurable = _logDurable }, _version);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // The next flush notes it.
        }
    }

    private void BeginManifest()
    {
        lock (_manifestLock)
            _manifest.Begin(NextFileNumber(), WholeState(new VersionEdit { LastSequence = _flushedSequence }, _version));
    }

    private RecoveryReport OpenLog(StoredState state)
    {
        var options = new WalOptions
        {
            Directory = Path.Combine(_options.Directory, FileNames.WalDirectory),
            FileSystem = _files,
            Sync = _options.WriteAheadLog switch
            {
                LsmWalMode.Always => SyncPolicy.Always,
                LsmWalMode.Batch => SyncPolicy.Batch,
                _ => SyncPolicy.Os,
            },
            DurableAtLeast = state.LogDurable,
            SegmentBytes = _options.WalSegmentBytes,
            RecordBytesMax = _options.WriteBatchBytesMax,
            BatchBytesMax = _options.WriteBatchBytesMax + (4 << 20),
            Seed = _options.Seed,
            Meter = _options.Meter,
            Events = _options.Events,
            Time = _options.Time,
        };
        _wal = WalLog.Open(options, out RecoveryReport report, new LogReplay(this, state.LogPosition));
        _logDurable = _wal.DurableEnd;
        ReachFlushed(state.LogPosition);
        // Before all records: from the first manifest on that is written behind the log, one that is gone is missed.
        if (_logPosition.Segment == 0) _logPosition = new WalPosition(1, 0);
        Volatile.Write(ref _visible, _lastSequence);
        return report;
    }

    /// <summary>
    /// What only a log of the engine's own holds would be missing without it, and would lie over newer writes when the log is
    /// opened again.
    /// </summary>
    private void CheckLogIsFlushed(StoredState state)
    {
        string directory = Path.Combine(_options.Directory, FileNames.WalDirectory);
        if (!_files.DirectoryExists(directory)) return;
        long unflushed = 0;
        WalInspector.Inspect(_files, directory, onRecord: record => unflushed += record.Position >= state.LogPosition ? 1 : 0);
        if (unflushed > 0)
        {
            throw new ArgumentException(
                $"the engine's own log holds {unflushed} writes that are in no table: open it with its log and flush, before None");
        }

        // What is missing of the log counts as well: writes that were synced behind where the tables end.
        if (state.LogDurable <= state.LogPosition) return;
        using WalInspector inspector = WalInspector.Begin(_files, directory, atRest: false, state.LogDurable);
        while (inspector.RunOnce(long.MaxValue)) continue;
        foreach (WalFinding found in inspector.Finish().Findings)
        {
            if (found.Kind is WalFindingKind.Corruption or WalFindingKind.MissingSegment)
                throw new CorruptionException(found.File, found.Offset, found.Expected, found.Actual);
        }
    }

    /// <summary>The log must go on at or behind what tables hold.</summary>
    private void ReachFlushed(WalPosition flushed)
    {
        // Under Os, and behind what was synced in every mode, a power loss may take log bytes whose data is in tables already: the log is
        // as long as the manifest calls durable, or it would not have opened. What is appended from here on must
        // lie behind the flushed position, or the next opening would skip it.
        while (_wal!.End < flushed) _wal.Roll();
    }

    /// <summary>Takes the log's batches into memtables, and full memtables into tables.</summary>
    private sealed class LogReplay(LsmEngine engine, WalPosition from) : IWalReplay
    {
        public void OnRecord(WalPosition position, byte type, int storedBytes, ReadOnlySpan<byte> payload)
        {
            if (position < from) return;
            if (engine.IsFull(engine._active)) FlushReplayed(position);
            if (type != BatchRecord
                || !WriteBatch.TryDecode(payload, out ulong sequence, out uint count, out WriteBatchReader reader))
            {
                throw Damaged(position, "a batch of format 1");
            }

            // Numbers of refused writes are missing from the log; they never go back.
            if (sequence <= engine._lastSequence && sequence <= engine._active.LargestSequence)
                throw Damaged(position, $"a sequence number above {engine._lastSequence}");
            ulong next = sequence;
            while (reader.TryRead(out EntryKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
                engine._active.Add(next++, kind, key, value);
            if (reader.IsMalformed || next - sequence != count) throw Damaged(position, $"{count} operations");
            if (next - 1 > engine._lastSequence) engine._lastSequence = next - 1;
        }

        private void FlushReplayed(WalPosition next)
        {
            Memtable full = engine._active;
            full.LogEnd = next;
            Volatile.Write(ref engine._visible, engine._lastSequence);
            lock (engine._viewLock)
            {
                engine._active = engine.NewMemtable();
                engine._immutables = [full, .. engine._immutables];
                engine.PublishView();
            }

            // A full disk is no reason not to serve what is there: this one and those behind it wait, as when they were sealed.
            if (engine._isDiskFull) return;
            try
            {
                Flush(full);
            }
            catch (StorageException e) when (e.IsDiskFull)
            {
                engine.NoteDiskFull(e);
            }
        }

        private void Flush(Memtable full)
        {
            if (!engine._manifest.IsBegun) engine.BeginManifest();
            engine._built = engine.Build(full);
            var edit = new VersionEdit { LastSequence = full.LargestSequence, LogPosition = full.LogEnd };
            if (engine._built.Table is { } table) edit.Added.Add((0, table));
            engine.Install(edit, full);
            engine._built = null;
        }

        private CorruptionException Damaged(WalPosition position, string expected) => new(
            Path.Combine(engine._options.Directory, FileNames.WalDirectory), position.Offset, expected,
            $"something else in the record at {position}");
    }
}
