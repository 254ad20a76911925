using Nori.Observe;
using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Snapshots;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>What all workers of a node share.</summary>
internal sealed class HostContext
{
    private readonly RaftHostOptions _options = null!;
    private readonly bool _hasBootClock;

    public required RaftHostOptions Options
    {
        get => _options;
        init => (_options, _hasBootClock, Stamps) = (value, BootClock.IsFor(value.Time), new StampClock(value.Time));
    }

    /// <summary>What leaders stamp entries with.</summary>
    public StampClock Stamps { get; private init; } = null!;

    public required LogWriter Log { get; init; }

    public required LogTickets Tickets { get; init; }

    public required ApplyPipeline Pipeline { get; init; }

    public required ReplicaTable Replicas { get; init; }

    public required FlushGate Gate { get; init; }

    public required Admission Admission { get; init; }

    public required NodeFailure Failure { get; init; }

    public required NodeLiveness Liveness { get; init; }

    /// <summary>Null where there are no peers.</summary>
    public required PeerSender? Sender { get; init; }

    public required HostMetrics Metrics { get; init; }

    /// <summary>Says which writes are slow.</summary>
    public required SlowLog Slow { get; init; }

    public required IStorage Storage { get; init; }

    public required MachineOptions Machine { get; init; }

    /// <summary>Sends snapshots; null where there are no peers.</summary>
    public SnapshotExchange? Snapshots { get; set; }

    /// <summary>Somebody else leads a shard, as far as this node knows.</summary>
    public Action? LeadersChanged { get; set; }

    /// <summary>A peer restarted or fell silent.</summary>
    public Action<NodeNumber>? PeerLost { get; set; }

    /// <summary>Replicas that were here.</summary>
    public required Tombstones Tombstones { get; init; }

    /// <summary>Slots for replicas that arrive.</summary>
    public required NodeSlots Slots { get; init; }

    /// <summary>Makes the group of a replica that arrived.</summary>
    public required Func<GroupStart, RaftGroup> MakeGroup { get; init; }

    /// <summary>A replica arrived or left.</summary>
    public Action<ShardId>? ReplicasChanged { get; set; }

    /// <summary>A worker has said how far its groups let go of the log.</summary>
    public required Action Released { get; init; }

    /// <summary>Makes a snapshot the shard's data. On the shard's apply worker; on a full disk it throws, having done nothing.</summary>
    public void Install(RaftGroup group, StagedSnapshot staged, RaftWorker worker)
    {
        ShardState state = staged.Install();
        uint dead = Replicas.Replace(new ShardMachine(state, Machine));
        Gate.NoteInstalled(state);
        worker.NoteInstalled(group, staged, dead);
    }

    /// <summary>
    /// Puts a snapshot in the place of what cannot be read; the log stays, and what it has behind the snapshot is applied again.
    /// On the shard's apply worker; on a full disk it throws, having done nothing.
    /// </summary>
    public void Rebuild(RaftGroup group, StagedSnapshot staged, RaftWorker worker)
    {
        ShardState state = staged.Install();
        uint dead = Replicas.Replace(new ShardMachine(state, Machine));
        Gate.NoteInstalled(state);
        worker.NoteRebuilt(group, staged.Meta, dead);
    }

    /// <summary>Tables of a shard were replaced by a snapshot, through its index.</summary>
    public Action<ShardId, LogIndex>? Rebuilt { get; set; }

    /// <summary>
    /// Gives a replica that arrives a slot of its own, with an empty state in it. On the shard's apply worker; on a full disk
    /// it throws, having done nothing.
    /// </summary>
    public void Found(HostChange change, RaftWorker worker)
    {
        ShardState? state = null;
        Slots.Found((batch, slot) =>
        {
            state = new ShardState(
                change.Shard, change.Replica, slot, (long)Machine.IdempotencyRetention.TotalMilliseconds);
            byte[] record = new byte[state.EncodedBytesMax];
            batch.Put(state.RecordKey, record.AsSpan(0, state.Encode(record)));
        });
        Replicas.Add(new ShardMachine(state!, Machine));
        worker.NoteFounded(change);
    }

    /// <summary>
    /// Removes what is left of a replica, once the log says durably that it is gone: before that a crash would bring back a
    /// replica whose votes are in the log and whose data is not.
    /// </summary>
    public void Retire(HostChange change, RaftWorker worker)
    {
        uint? slot = null;
        Pipeline.EnqueueWork(change.Shard, () =>
        {
            slot ??= Gate.Remove(Replicas, change.Shard);
            DeadSlot.Remove(Storage, slot.Value);
            worker.NoteRetired(change);
        });
    }

    /// <summary>Has a slot emptied in which no replica lives any more.</summary>
    public void RemoveSlot(ShardId shard, uint slot) =>
        Pipeline.EnqueueWork(shard, () => DeadSlot.Remove(Storage, slot));

    /// <summary>
    /// The clock of leases, in nanoseconds: rounds are stamped by it, and reads looked at. It counts suspension where the
    /// system has such a clock.
    /// </summary>
    public long NowNanoseconds()
    {
        TimeProvider time = Options.Time;
        if (_hasBootClock) return BootClock.Nanoseconds;
        (long seconds, long rest) = Math.DivRem(time.GetTimestamp(), time.TimestampFrequency);
        return (seconds * 1_000_000_000) + (rest * 1_000_000_000 / time.TimestampFrequency);
    }
}
