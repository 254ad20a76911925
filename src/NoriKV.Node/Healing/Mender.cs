using System.Collections.Concurrent;
using Nori.IO;
using Nori.Lsm;
using Nori.Observe;
using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>
/// Heals what the engine lost (docs/healing.md): finds which replicas a damaged table takes with it, has each rebuilt from its
/// leader's snapshot, and drops what is damaged once no replica needs it.
/// </summary>
/// <remarks>Stepped by one owner. Reports come from any thread; the lock guards what is told to others.</remarks>
internal sealed partial class Mender
{
    private static readonly TimeSpan AskPeriod = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan DropPeriod = TimeSpan.FromSeconds(1);
    private const int AsksMax = 16;

    private readonly MenderParts _parts;
    private readonly IHealableStorage? _tables;
    private readonly ConcurrentQueue<(ShardId Shard, string What)> _reports = new();
    private readonly ConcurrentQueue<(ShardId Shard, KvError? Error)> _answers = new();
    private readonly Dictionary<ulong, Survey> _surveys = [];
    private readonly SortedDictionary<uint, Patient> _patients = [];
    private readonly Counter _rebuilt;
    private readonly Lock _lock = new();
    private IReadOnlyList<ReplicaDamage> _told = [];

    // Slots that replicas left because what lay there could not be read, or was wrong, and that may still hold a state record.
    private readonly List<uint> _left = [];
    private Settling? _settling;

    public Mender(MenderParts parts)
    {
        _parts = parts;
        _tables = parts.Storage as IHealableStorage;
        _rebuilt = parts.Meter.Counter(
            "node_replicas_rebuilt_total", "Replicas whose unreadable data a peer's snapshot took the place of.");
        parts.Meter.ObservableGauge(
            "node_replicas_damaged", "Replicas of this node of which a part cannot be read.", () => Damage.Count);
        parts.Calls.Handle(PeerMethod.Rebuild, ServeAsync);
    }

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; } = new();

    /// <summary>Milliseconds until a step has something to do although nothing happened; null: never.</summary>
    public int? RetryInMs => IsAtWork ? 200 : null;

    /// <summary>The replicas that wait for a peer, or have no other copy.</summary>
    public IReadOnlyList<ReplicaDamage> Damage
    {
        get
        {
            lock (_lock) return _told;
        }
    }

    private long Now => _parts.Time.GetTimestamp();

    private bool IsAtWork => _patients.Count > 0 || _surveys.Count > 0 || _left.Count > 0 || _settling is not null;

    /// <summary>A replica's data cannot be read. From any thread.</summary>
    public void Report(ShardId shard, string what)
    {
        _reports.Enqueue((shard, what));
        Signal.Set();
    }

    /// <summary>A table was set apart. From any thread.</summary>
    public void NoteTable() => Signal.Set();

    /// <summary>A snapshot took the place of a replica's data. From any thread.</summary>
    public void NoteRebuilt(ShardId shard, LogIndex index)
    {
        _rebuilt.Add();
        _parts.Events.Emit(new ReplicaRebuilt(shard, index));
        Signal.Set();
    }

    /// <summary>Replicas that opening set apart, before anything is served.</summary>
    public void Begin()
    {
        for (uint i = 0; i < (uint)_parts.Replicas.Count; i++)
        {
            var shard = new ShardId(i);
            if (_parts.Replicas.IsSetApart(shard)) Report(shard, _parts.Replicas.Stopped(shard) ?? "");
        }

        RunOnce();
    }

    /// <summary>One step; false when there was nothing to do.</summary>
    public bool RunOnce()
    {
        if (_parts.Stopped() is not null) return false;
        bool worked = SurveyNew() | TakeReports() | TakeAnswers();
        if (!IsAtWork) return worked;
        worked |= Discharge();
        worked |= AskForSnapshots();
        worked |= Settle();
        return DropWhatNobodyNeeds() | worked;
    }

    /// <summary>Which replicas a table that was set apart takes with it: reads of it what each of them has there.</summary>
    private bool SurveyNew()
    {
        if (_tables is null) return false;
        bool any = false;
        foreach (LsmDamagedTable table in _tables.DamagedTables)
        {
            if (_surveys.ContainsKey(table.Number)) continue;
            try
            {
                _surveys.Add(table.Number, SurveyOf(table));
                any = true;
            }
            catch (StorageException)
            {
                // The disk did not answer this time; what cannot be read fails whoever reads it meanwhile.
            }
        }

        return any;
    }

    private Survey SurveyOf(LsmDamagedTable table)
    {
        var hit = new List<(ShardId Shard, uint Slot)>();
        for (uint i = 0; i < (uint)_parts.Replicas.Count; i++)
        {
            var shard = new ShardId(i);
            uint slot = _parts.Replicas.SlotOf(shard);
            if (slot == 0 || FindDamage(table, slot) is not { } damage) continue;
            hit.Add((shard, slot));
            string what = HealingText.SetApart(shard, damage);
            // Which of its keys were deleted is not known: nothing of it may be read from now on.
            if (!table.IsReadable) _parts.Replicas.SetApart(shard, what);
            _reports.Enqueue((shard, what));
        }

        return new Survey(table, hit, FindDamage(table, slot: 0) is not null);
    }

    private CorruptionException? FindDamage(LsmDamagedTable table, uint slot) =>
        _tables!.FindDamage(table.Number, EngineKey.Create(slot, 0), EngineKey.Create(slot + 1, 0));

    private bool TakeReports()
    {
        bool any = false;
        while (_reports.TryDequeue(out (ShardId Shard, string What) report))
        {
            any = true;
            if (_patients.ContainsKey(report.Shard.Value)) continue;
            uint slot = _parts.Replicas.SlotOf(report.Shard);
            if (slot == 0) continue;
            _patients.Add(report.Shard.Value, new Patient(report.Shard, slot, report.What));
            _parts.Events.Emit(new ReplicaSetApart(report.Shard, report.What));
            _ = SetApartAsync(report.Shard, report.What);
        }

        if (any) Tell();
        return any;
    }

    private async Task SetApartAsync(ShardId shard, string what)
    {
        KvError? error = await _parts.Host.SetApartAsync(shard, what, long.MaxValue).ConfigureAwait(false);
        _answers.Enqueue((shard, error));
        Signal.Set();
    }

    private bool TakeAnswers()
    {
        bool any = false;
        while (_answers.TryDequeue(out (ShardId Shard, KvError? Error) answer))
        {
            any = true;
            if (!_patients.TryGetValue(answer.Shard.Value, out Patient? patient)) continue;
            patient.IsReady = answer.Error is null;
            patient.IsAlone = answer.Error is { Code: KvCode.FailedPrecondition };
            if (!patient.IsAlone) continue;
            bool isStopped = _parts.Replicas.IsSetApart(answer.Shard);
            patient.What = isStopped
                ? HealingText.AloneStopped(answer.Shard, patient.What)
                : HealingText.Alone(answer.Shard, patient.What);
            if (isStopped) _parts.Replicas.Stop(answer.Shard, patient.What);
        }

        if (any) Tell();
        return any;
    }

    /// <summary>Those that live under another slot by now are well, or gone.</summary>
    private bool Discharge()
    {
        List<Patient> well = [.. _patients.Values.Where(p => _parts.Replicas.SlotOf(p.Shard) != p.Slot)];
        foreach (Patient patient in well)
        {
            _patients.Remove(patient.Shard.Value);
            _left.Add(patient.Slot);
        }

        if (well.Count == 0) return false;
        Tell();
        if (_patients.Count == 0) _parts.AllWell?.Invoke();
        return true;
    }

    private bool AskForSnapshots()
    {
        long now = Now;
        int asked = 0;
        foreach (Patient patient in _patients.Values)
        {
            if (!patient.IsReady || asked == AsksMax) continue;
            if (patient.AskedAt != 0 && _parts.Time.GetElapsedTime(patient.AskedAt, now) < AskPeriod) continue;
            if (_parts.Host.Group(patient.Shard) is not { } group) continue;
            NodeNumber leader = group.Published.LeaderNode;
            if (leader.Value == 0 || leader == _parts.Self) continue;
            patient.AskedAt = now;
            asked++;
            var request = new RebuildRequest(patient.Shard, group.Replica, _parts.Replicas.Applied(patient.Shard));
            _parts.Calls.Tell(leader, PeerChannel.Control, PeerMethod.Rebuild, request.Encode());
        }

        return asked > 0;
    }

    private async ValueTask<PeerReply> ServeAsync(PeerRequest request)
    {
        if (!RebuildRequest.TryDecode(request.Body.Span, out RebuildRequest asked) || asked.Shard.Value >= (uint)_parts.Replicas.Count)
        {
            return PeerReply.Refuse("a request that cannot be read");
        }

        KvError? error = await _parts.Host.SendSnapshotAsync(
            asked.Shard, asked.Replica, request.From, asked.AtLeast, request.Deadline).ConfigureAwait(false);
        return error is null ? PeerReply.Ok(default) : PeerReply.Refuse(error.Message);
    }

    private void Tell()
    {
        IReadOnlyList<ReplicaDamage> damage =
            [.. _patients.Values.Select(static p => new ReplicaDamage(p.Shard, p.What, p.IsAlone))];
        lock (_lock) _told = damage;
    }

    private sealed class Patient(ShardId shard, uint slot, string what)
    {
        public ShardId Shard { get; } = shard;

        /// <summary>The slot whose data cannot be read.</summary>
        public uint Slot { get; } = slot;

        public string What { get; set; } = what;

        /// <summary>It is out of service, and waits for a snapshot.</summary>
        public bool IsReady { get; set; }

        public bool IsAlone { get; set; }

        public long AskedAt { get; set; }
    }

    /// <summary>A flush, and what is in tables once it is done.</summary>
    private sealed record Settling(Task Flush, IReadOnlyList<Survey> Own, IReadOnlyList<uint> Left);

    private sealed class Survey(LsmDamagedTable table, IReadOnlyList<(ShardId Shard, uint Slot)> hit, bool hitsOwn)
    {
        public LsmDamagedTable Table { get; } = table;

        /// <summary>Slots that were alive when it was made and cannot be read there.</summary>
        public IReadOnlyList<(ShardId Shard, uint Slot)> Hit { get; } = hit;

        /// <summary>The node's own records lie in the damage.</summary>
        public bool HitsOwn { get; } = hitsOwn;

        public bool IsOwnMended { get; set; }

        public long TriedAt { get; set; }
    }
}
