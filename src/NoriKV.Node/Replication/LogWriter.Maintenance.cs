using System.Collections.Concurrent;
using Nori.IO;
using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>Garbage, budgets, marks and probes.</summary>
internal sealed partial class LogWriter
{
    // Bounded by the cores: a replica's loss and its healing take turns, and a healing needs a leader's word.
    private readonly ConcurrentQueue<(ShardId Shard, ReplicaId Replica, bool IsLost)> _marks = new();
    private bool _syncWanted;
    private bool _probeWanted;
    private bool _maintenanceDue;
    private bool _collectDue;
    private bool _markIsDue;

    /// <summary>
    /// Asks the workers how far each group lets go of its log. They answer by <see cref="Collect"/>, so that no core names
    /// an entry that the log has forgotten.
    /// </summary>
    public Action? ReleaseWanted { get; set; }

    /// <summary>How far a shard lets go of its log.</summary>
    public Func<ShardId, LogIndex> Released { get; set; } = static _ => default;

    /// <summary>The node keeps too much: this shard keeps most and must let go, whoever still wants it.</summary>
    public Action<ShardId>? OverBudget { get; set; }

    /// <summary>The next step looks after garbage.</summary>
    public void WantMaintenance()
    {
        Volatile.Write(ref _maintenanceDue, true);
        Signal.Set();
    }

    /// <summary>Every worker has said how far its groups let go.</summary>
    public void Collect()
    {
        Volatile.Write(ref _collectDue, true);
        Signal.Set();
    }

    /// <summary>The next step writes and syncs although there is nothing to write: to see whether the disk still answers.</summary>
    public void WantProbe(long now)
    {
        lock (_lock)
        {
            if (_oldestWaiting == 0) Volatile.Write(ref _oldestWaiting, now);
        }

        Volatile.Write(ref _probeWanted, true);
        Signal.Set();
    }

    /// <summary>A damaged replica holds again what it had confirmed: the log notes that.</summary>
    public void Heal(ShardId shard, ReplicaId replica)
    {
        _marks.Enqueue((shard, replica, IsLost: false));
        Signal.Set();
    }

    /// <summary>
    /// A replica heard that it once confirmed what its log does not hold: the log notes that, so that it abstains behind the
    /// next start as well, until it is healed.
    /// </summary>
    public void NoteLoss(ShardId shard, ReplicaId replica)
    {
        _marks.Enqueue((shard, replica, IsLost: true));
        Signal.Set();
    }

    private bool WriteMarks()
    {
        bool any = false;
        while (_batch.Count == 0 && _marks.TryPeek(out (ShardId Shard, ReplicaId Replica, bool IsLost) mark))
        {
            try
            {
                if (mark.IsLost) _log.NoteLoss(mark.Shard, mark.Replica);
                else _log.Heal(mark.Shard, mark.Replica);
                _marks.TryDequeue(out _);
                any = true;
            }
            catch (StorageException e) when (e.IsDiskFull)
            {
                break;
            }
        }

        if (any) Sync();
        return any;
    }

    private void WantSync()
    {
        Volatile.Write(ref _syncWanted, true);
        Signal.Set();
    }

    private bool SyncWhenWanted()
    {
        if (!Volatile.Read(ref _syncWanted)) return false;
        Volatile.Write(ref _syncWanted, false);
        Sync();
        return true;
    }

    private bool Probe()
    {
        if (!Volatile.Read(ref _probeWanted)) return false;
        Volatile.Write(ref _probeWanted, false);
        long began = _options.Time.GetTimestamp();
        _log.ProbeSync();
        long ended = _options.Time.GetTimestamp();
        Syncs.Note(began, ended);
        Volatile.Write(ref _lastSyncAt, ended);
        if (_gate.NoteDurable(_writtenTicket)) _storage.NotifyDurable();
        if (_taken.Count == 0) NoteOldest();
        return true;
    }

    private bool Maintain()
    {
        bool due = Volatile.Read(ref _maintenanceDue);
        bool collect = Volatile.Read(ref _collectDue);
        if (!due && !collect) return false;
        if (due) Volatile.Write(ref _maintenanceDue, false);
        if (collect) Volatile.Write(ref _collectDue, false);
        try
        {
            if (due) Tidy();
            if (collect) CollectGarbage();
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // Nothing was lost; what garbage there is stays until there is room to move the rest of its segment.
        }

        return true;
    }

    private void Tidy()
    {
        // Bounds what a power loss takes under the policy Os to a second of writes.
        if (_log.HasUnsynced && _taken.Count == 0) Sync();
        if (_log.IsOverBudget && _log.TryFindLargestGroup(out GroupState largest)) OverBudget?.Invoke(largest.Shard);
        if (_log.Segments.Count > 1) ReleaseWanted?.Invoke();
        if (_markIsDue) _log.WriteDurableMark();
        _markIsDue = false;
    }

    private void CollectGarbage()
    {
        ulong unflushed = _storage.OldestUnflushedWatermark is { } ticket ? _tickets.PlaceOf(ticket) : ulong.MaxValue;
        GarbageReport report = _log.CollectGarbage(unflushed, Released);
        _markIsDue = true;
        if (_log.Segments is [var oldest, ..]) _tickets.Forget(oldest.Number << 32);
        if (_taken.Count == 0 && _gate.NoteDurable(_writtenTicket)) _storage.NotifyDurable();
        bool isPinned = report.PinnedByUnflushed + report.PinnedByGroups > 0;
        if (isPinned && _log.Segments.Count > _options.EarlyFlushSegments)
        {
            // What is only in memory pins the log's old segments, and may do so for long where little is written.
            _storage.RequestFlush("log");
        }
    }
}
