using Nori.Observe;
using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Snapshots;
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
        init => (_options, _hasBootClock) = (value, BootClock.IsFor(value.Time));
    }

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

    public required IStorage Storage { get; init; }

    public required MachineOptions Machine { get; init; }

    /// <summary>Sends snapshots; null where there are no peers.</summary>
    public SnapshotExchange? Snapshots { get; set; }

    /// <summary>Somebody else leads a shard, as far as this node knows.</summary>
    public Action? LeadersChanged { get; set; }

    /// <summary>A peer restarted or fell silent.</summary>
    public Action<NodeNumber>? PeerLost { get; set; }

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
