using System.Security.Cryptography;
using Nori.Observe;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>How a replica behaves, and what it is made of. <see cref="Validate"/> names every problem.</summary>
public sealed record RaftNodeOptions
{
    // What it is made of. All of it stays the caller's: dispose it after the node.

    /// <summary>This replica. One that lost its disk needs another id.</summary>
    public required ReplicaId Replica { get; init; }

    /// <summary>Its log.</summary>
    public required IRaftLog Log { get; init; }

    /// <summary>What the replicas keep equal.</summary>
    public required IStateMachine StateMachine { get; init; }

    /// <summary>Where snapshots are kept.</summary>
    public required ISnapshotStore Snapshots { get; init; }

    /// <summary>The way to the other replicas.</summary>
    public required IRaftTransport Transport { get; init; }

    // Behaviour.

    /// <summary>
    /// The voters of a new group: the same for each of its first replicas. Empty for one that joins a group later. Of no
    /// effect on a replica whose log holds something.
    /// </summary>
    /// <value>Empty.</value>
    public IReadOnlyList<ReplicaId> FirstVoters { get; init; } = [];

    /// <summary>
    /// True for a state machine that keeps its state itself: nothing is applied before this replica's own log is durable up
    /// to it. False lets a majority be enough, however slow the own disk is.
    /// </summary>
    /// <value>False.</value>
    public bool AppliesOnlyDurable { get; init; }

    /// <summary>How long a command, a read or a change of members waits before the answer is that nobody can tell.</summary>
    /// <value>10 s.</value>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A log whose writes do not get on for so long costs the leadership, until they do.</summary>
    /// <value>1 s.</value>
    public TimeSpan LogStallMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>With so many entries applied since the last snapshot, one is taken and the log cut.</summary>
    /// <value>1,000,000; 0 for only when asked.</value>
    public ulong CompactionEntries { get; init; } = 1_000_000;

    /// <summary>With so many bytes applied since the last snapshot, one is taken and the log cut.</summary>
    /// <value>256 MiB; 0 for only when asked.</value>
    public long CompactionBytes { get; init; } = 256L << 20;

    /// <summary>Entries that stay in the log before the snapshot, for replicas that lag a little.</summary>
    /// <value>10,000.</value>
    public ulong RetainedEntries { get; init; } = 10_000;

    // Bounds.

    /// <summary>The largest command.</summary>
    /// <value>1 MiB.</value>
    public int CommandBytesMax { get; init; } = 1 << 20;

    /// <summary>Commands under way; further ones are answered as overload.</summary>
    /// <value>65,536.</value>
    public int CommandsMax { get; init; } = 65_536;

    /// <summary>Reads under way; further ones are answered as overload.</summary>
    /// <value>65,536.</value>
    public int ReadsMax { get; init; } = 65_536;

    /// <summary>Frames that arrived and wait; further ones are dropped.</summary>
    /// <value>4,096.</value>
    public int InboxFramesMax { get; init; } = 4096;

    /// <summary>Their bytes.</summary>
    /// <value>64 MiB.</value>
    public long InboxBytesMax { get; init; } = 64L << 20;

    /// <summary>Bytes that wait for the log; beyond, commands are answered as overload and appends are dropped.</summary>
    /// <value>64 MiB.</value>
    public long LogQueueBytesMax { get; init; } = 64L << 20;

    /// <summary>Bytes that wait for the state machine; beyond, they are left in the log until there is room.</summary>
    /// <value>16 MiB.</value>
    public long ApplyQueueBytesMax { get; init; } = 16L << 20;

    /// <summary>Durable entries kept in memory, for replicas that lag a little.</summary>
    /// <value>32 MiB.</value>
    public long TailBytesMax { get; init; } = 32L << 20;

    /// <summary>A chunk of a snapshot.</summary>
    /// <value>256 KiB.</value>
    public int SnapshotChunkBytes { get; init; } = 256 << 10;

    /// <summary>Chunks on their way to one replica.</summary>
    /// <value>8.</value>
    public int SnapshotChunksMax { get; init; } = 8;

    /// <summary>The largest snapshot taken from another replica.</summary>
    /// <value>1 TiB.</value>
    public long SnapshotBytesMax { get; init; } = 1L << 40;

    // What it is wired to.

    /// <summary>The group; replicas drop messages of any other.</summary>
    /// <value>1.</value>
    public GroupId Group { get; init; } = new(1);

    /// <summary>
    /// The constants of the core, its timing among them, which must match within a group. Group, replica and seed in it are
    /// replaced by those here.
    /// </summary>
    /// <value>The core's own.</value>
    public RaftOptions? Core { get; init; }

    /// <summary>Draws election timeouts; another one at each start.</summary>
    /// <value>Random.</value>
    public ulong Seed { get; init; } = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    /// <summary>The clock. Leases use it only where it is not the system's: that one stands still with the machine.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>False: no threads; the caller calls <see cref="RaftNode.RunOnce"/> (simulation).</summary>
    /// <value>True.</value>
    public bool RunLoops { get; init; } = true;

    /// <summary>Takes measurements.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Takes events.</summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        void Require(bool condition, string problem)
        {
            if (!condition) problems.Add(problem);
        }

        Require(FirstVoters.All(v => !v.IsNone), "FirstVoters must not name 0");
        Require(Patience > TimeSpan.Zero, "Patience must be positive");
        Require(LogStallMax > TimeSpan.Zero, "LogStallMax must be positive");
        Require(CompactionBytes >= 0, "CompactionBytes must not be negative");
        Require(CommandBytesMax is > 0 and <= 512 << 20, "CommandBytesMax must lie between 1 byte and 512 MiB");
        Require(CommandsMax > 0, "CommandsMax must be positive");
        Require(ReadsMax > 0, "ReadsMax must be positive");
        Require(InboxFramesMax > 0, "InboxFramesMax must be positive");
        Require(InboxBytesMax > 0, "InboxBytesMax must be positive");
        Require(LogQueueBytesMax > 0, "LogQueueBytesMax must be positive");
        Require(ApplyQueueBytesMax > 0, "ApplyQueueBytesMax must be positive");
        Require(TailBytesMax >= 0, "TailBytesMax must not be negative");
        Require(SnapshotChunkBytes is > 0 and <= 64 << 20, "SnapshotChunkBytes must lie between 1 byte and 64 MiB");
        Require(SnapshotChunksMax > 0, "SnapshotChunksMax must be positive");
        Require(SnapshotBytesMax > 0, "SnapshotBytesMax must be positive");
        problems.AddRange(ToCore().Validate());
        return problems;
    }

    internal RaftOptions ToCore()
    {
        RaftOptions core = Core ?? new RaftOptions { Group = Group, Replica = Replica, Seed = Seed };
        return core with { Group = Group, Replica = Replica, Seed = Seed };
    }
}
