using Nori.IO;
using Nori.Lsm.Compaction;
using Nori.Lsm.Events;
using Nori.Lsm.Manifest;
using Nori.Lsm.Memtables;
using Nori.Lsm.Versions;
using Nori.Wal;

namespace Nori.Lsm;

/// <summary>How a change of tables takes effect: manifest, version, view, in this order.</summary>
public sealed partial class LsmEngine
{
    // Guards the manifest and the order of installs.
    private readonly Lock _manifestLock = new();

    /// <summary>Makes the edit durable, then visible: manifest, version, view, in this order.</summary>
    /// <param name="edit">The change.</param>
    /// <param name="flushed">The memtable whose data the edit brings; null for others.</param>
    private void Install(VersionEdit edit, Memtable? flushed)
    {
        lock (_manifestLock)
        {
            LsmVersion next = ApplyEdit(_version, edit);
            try
            {
                Record(edit, next);
            }
            catch
            {
                next.Release();
                throw;
            }

            LsmVersion old = _version;
            foreach ((int level, ulong number) in edit.Removed)
            {
                bool moved = edit.Added.Exists(added => added.Meta.Number == number);
                if (!moved) old.Levels[level].First(file => file.Number == number).MarkObsolete();
            }

            lock (_viewLock)
            {
                _version = next;
                if (flushed is not null) _immutables = [.. _immutables.Where(memtable => memtable != flushed)];
                PublishView();
            }

            old.Release();
            flushed?.Release();
            NotePressure(next);
        }

        lock (_relief) Monitor.PulseAll(_relief);
        CompleteFlushWaiters();
    }

    private void Record(VersionEdit edit, LsmVersion next)
    {
        edit.NextFileNumber = Volatile.Read(ref _nextFileNumber);
        try
        {
            if (_manifest.ShouldRewrite)
            {
                VersionEdit whole = WholeState(edit, next);
                _manifest.Begin(NextFileNumber(), whole);
            }
            else
            {
                _manifest.Append(edit);
            }
        }
        catch (StorageException e) when (e.IsDiskFull || e.IsShortage)
        {
            throw;
        }
        catch (Exception e)
        {
            throw Fail(e);
        }

        _logPosition = edit.LogPosition ?? _logPosition;
        _logDurable = edit.LogDurable ?? _logDurable;
        _flushedSequence = Math.Max(_flushedSequence, edit.LastSequence ?? 0);
        _flushedWatermark = Math.Max(_flushedWatermark, edit.FlushedWatermark ?? 0);
    }

    private VersionEdit WholeState(VersionEdit change, LsmVersion version)
    {
        var whole = new VersionEdit
        {
            StoreId = _storeId,
            Levels = _options.Levels,
            NextFileNumber = Volatile.Read(ref _nextFileNumber) + 1,
            LastSequence = Math.Max(_flushedSequence, change.LastSequence ?? 0),
            LogPosition = change.LogPosition ?? _logPosition,
            FlushedWatermark = Math.Max(_flushedWatermark, change.FlushedWatermark ?? 0),
        };
        WalPosition durable = change.LogDurable ?? _logDurable;
        if (durable > WalPosition.Start) whole.LogDurable = durable;
        for (int level = 0; level < version.Levels.Length; level++)
            foreach (TableFile file in version.Levels[level]) whole.Added.Add((level, file.Meta));
        return whole;
    }

    private LsmVersion ApplyEdit(LsmVersion from, VersionEdit edit) =>
        VersionBuilder.Apply(from, edit, _store, SnapshotSequences());

    /// <summary>Replaces the view; the caller holds _viewLock.</summary>
    private void PublishView()
    {
        ReadView old = _view;
        Volatile.Write(ref _view, new ReadView(_active, _immutables, _version));
        old?.Retire();
    }

    private LsmVersion AcquireVersion()
    {
        lock (_viewLock)
        {
            ObjectDisposedException.ThrowIf(_isReleased, this);
            _version.Acquire();
            return _version;
        }
    }

    private ulong NextFileNumber() => Interlocked.Increment(ref _nextFileNumber) - 1;

    /// <summary>Leaves out numbers whose file is there: the engine made none of them yet, so it is somebody else's.</summary>
    private ulong NextTableNumber()
    {
        while (true)
        {
            ulong number = NextFileNumber();
            if (!_files.FileExists(_store.PathOf(number))) return number;
        }
    }

    private void NotePressure(LsmVersion version)
    {
        long debt = CompactionPicker.DebtBytes(version, _options);
        int tables = version.Levels[0].Length;
        double byTables = tables < _options.L0SlowdownTrigger ? 0
            : (tables - _options.L0SlowdownTrigger + 1) / (double)(_options.L0StopTrigger - _options.L0SlowdownTrigger + 1);
        double byDebt = debt < _options.CompactionDebtSlowdownBytes ? 0
            : Math.Max(0.01, (debt - _options.CompactionDebtSlowdownBytes) / (double)_options.CompactionDebtSlowdownBytes);
        double pressure = Math.Max(byTables, byDebt);
        bool changed = pressure != Volatile.Read(ref _slowdown);
        Volatile.Write(ref _slowdown, pressure);
        Volatile.Write(ref _debt, debt);
        if (changed) _options.Events.Emit(new WritePressure(pressure));
    }
}
