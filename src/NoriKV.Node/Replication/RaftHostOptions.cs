using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>How the groups of a node are run.</summary>
internal sealed record RaftHostOptions
{
    public required NodeNumber Node { get; init; }

    /// <summary>The node's id outside, for events.</summary>
    public required string NodeName { get; init; }

    /// <summary>The dialable address of a node; empty where it is not known.</summary>
    public required Func<NodeNumber, string> AddressOf { get; init; }

    /// <summary>The length of a Raft tick.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>A group without work for so long is put to sleep.</summary>
    public TimeSpan IdleBeforeSleep { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Groups that are woken for one reason are woken over so long.</summary>
    public TimeSpan WakeSpread { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>No group is woken for the loss of its leader while so many of a worker's groups campaign.</summary>
    public int ElectionsMax { get; init; } = 128;

    /// <summary>Bytes of messages that wait for a worker, their entries above all; beyond, messages are dropped.</summary>
    public long InboxBytesMax { get; init; } = 64 << 20;

    /// <summary>
    /// Changes of a group that wait for the disk; beyond, appends are dropped and come again. As many as a leader has on their way.
    /// </summary>
    public int PersistingMax { get; init; } = 256;

    /// <summary>Reads that wait for a worker or a majority; beyond, they are refused.</summary>
    public int ReadsMax { get; init; } = 65_536;

    /// <summary>Bytes of one group that are committed and not yet applied; beyond, its entries stay in the log.</summary>
    public long GroupBacklogBytesMax { get; init; } = 16 << 20;

    /// <summary>Bytes of entries of a group that are kept in memory although the log has them durably.</summary>
    public long TailBytesMax { get; init; } = 16 << 20;

    /// <summary>A replica with more entries committed and not yet applied does not campaign.</summary>
    public ulong ApplyLagMax { get; init; } = 10_000;

    /// <summary>A replica on a node that has so many bytes committed and not applied is given no leadership.</summary>
    public long ApplyLagBytesMax { get; init; } = 16 << 20;

    /// <summary>Ticks without a leader after which one with a wrong clock campaigns all the same.</summary>
    public int LeaderlessTicksMax { get; init; } = 100;

    /// <summary>Bytes of a group that are kept for a peer that lags; beyond, it gets a snapshot.</summary>
    public long RetainedBytesMax { get; init; } = 256L << 20;

    /// <summary>Entries of a group that are kept for a peer that lags; beyond, it gets a snapshot.</summary>
    public ulong RetainedEntriesMax { get; init; } = 1_000_000;

    /// <summary>The hard state's commit index is written along with entries when it has moved on by so many.</summary>
    public ulong CommitLagMax { get; init; } = 256;

    /// <summary>The log keeps no entry in memory that it might not have after a loss of power (policy Os).</summary>
    public bool KeepsUnsynced { get; init; }

    /// <summary>Runs what answers that come together lead to (<see cref="AnswerBatch"/>); null: each by itself.</summary>
    public Action<Action>? RunAnswers { get; init; }

    public IEventSink Events { get; init; } = NullEventSink.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
