using Nori.IO;
using Nori.Lsm;
using Nori.Observe;
using Nori.Wal;
using NoriKV.Node.Comparing;
using NoriKV.Node.Diagnosis;
using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Node.Snapshots;
using NoriKV.Node.Tracing;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>How a node works. Immutable settings of the cluster are kept in its data directory and win over these.</summary>
public sealed record NodeOptions
{
    // Identity and place.

    /// <summary>The node's id: 1 to 64 of letters, digits, dot, underscore and hyphen.</summary>
    public required string NodeName { get; init; }

    /// <summary>Where everything lies. One process at a time.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The file system it lies on. <value>The disk.</value></summary>
    public IFileSystem FileSystem { get; init; } = DiskFileSystem.Instance;

    /// <summary>The dialable gRPC address, host:port; may be set later. <value>Empty.</value></summary>
    public string AdvertiseAddress { get; init; } = "";

    /// <summary>Its failure domain. <value>Empty: a domain of its own.</value></summary>
    public string Zone { get; init; } = "";

    // Cluster-wide, fixed at formation.

    /// <summary>Shards, 1 to 65,536. An existing directory's number wins, with a warning. <value>1,024</value></summary>
    public int TotalShards { get; init; } = 1024;

    /// <summary>Hash only the bytes inside the first {} of a key. <value>false</value></summary>
    public bool HashTags { get; init; }

    /// <summary>
    /// Voters of each shard once there are as many nodes; what the meta group has wins over it. <value>3</value>
    /// </summary>
    public int ReplicationFactor { get; init; } = 3;

    /// <summary>What every replica of a shard must agree on.</summary>
    public MachineOptions Machine { get; init; } = new();

    // Behaviour.

    /// <summary>When a write is answered. <value>Batch: after the sync that covers it.</value></summary>
    public SyncPolicy Sync { get; init; } = SyncPolicy.Batch;

    /// <summary>The sizes a request may have.</summary>
    public KvLimits Limits { get; init; } = KvLimits.Default;

    /// <summary>How long a request without a deadline may wait. <value>5 s</value></summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long before its deadline a request is answered; half of what is left where that is less.</summary>
    /// <value>50 ms</value>
    public TimeSpan AnswerMargin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Writes are refused while less space than this is left, so that the log meets no full disk.</summary>
    /// <value>64 MiB</value>
    public long DiskReserveBytes { get; init; } = 64L << 20;

    // Performance.

    /// <summary>Most writes taken and not yet applied. <value>16,384</value></summary>
    public int MaxInFlight { get; init; } = 16_384;

    /// <summary>Most bytes of them. <value>64 MiB</value></summary>
    public long InFlightBytesMax { get; init; } = 64L << 20;

    /// <summary>Most bytes committed and not yet applied. <value>64 MiB</value></summary>
    public long ApplyBacklogBytesMax { get; init; } = 64L << 20;

    /// <summary>Threads that apply. <value>0: half the processors, 1 to 8.</value></summary>
    public int ApplyWorkers { get; init; }

    /// <summary>Bytes of a segment of the shared log. <value>128 MiB</value></summary>
    public long LogSegmentBytes { get; init; } = 128L << 20;

    /// <summary>Segments of the log above which an engine that alone pins the oldest is flushed early. <value>4</value></summary>
    public int LogEarlyFlushSegments { get; init; } = 4;

    /// <summary>Bytes of entries that the log keeps; over it, the shard that keeps most lets go. <value>4 GiB</value></summary>
    public long LogLiveBytesMax { get; init; } = 4L << 30;

    /// <summary>Entries that the log keeps (24 bytes of memory each). <value>4 million</value></summary>
    public long LogLiveEntriesMax { get; init; } = 4_000_000;

    /// <summary>Bytes of one shard that the log keeps for a peer that lags; beyond, that gets a snapshot. <value>256 MiB</value></summary>
    public long LogRetainedBytesMax { get; init; } = 256L << 20;

    /// <summary>Entries of one shard that the log keeps for a peer that lags. <value>1 million</value></summary>
    public long LogRetainedEntriesMax { get; init; } = 1_000_000;

    /// <summary>
    /// How snapshots of shards travel; what the node knows itself (cluster, seed, clock, retention, meter, events) it sets.
    /// </summary>
    public SnapshotOptions Snapshots { get; init; } = new();

    /// <summary>Bytes of the engine's memtable. <value>64 MiB</value></summary>
    public long MemtableBytes { get; init; } = 64L << 20;

    /// <summary>Bytes of cached table blocks. <value>256 MiB</value></summary>
    public long BlockCacheBytes { get; init; } = 256L << 20;

    /// <summary>Last word on the engine's other options; what the node sets itself is set again behind it.</summary>
    public Func<LsmOptions, LsmOptions>? ConfigureEngine { get; init; }

    /// <summary>
    /// Opens another engine behind the same port. The node disposes what it returns. <value>Null: Nori.Lsm.</value>
    /// </summary>
    public Func<StorageSetup, CancellationToken, ValueTask<IStorage>>? OpenStorage { get; init; }

    /// <summary>How the meta leader places and moves replicas.</summary>
    public PlacementOptions Placement { get; init; } = new();

    /// <summary>From when on <see cref="NoriNode.DiagnoseAsync"/> calls something wrong.</summary>
    public DiagnosisOptions Diagnosis { get; init; } = new();

    /// <summary>How replicas of a shard are compared in the background.</summary>
    public ConsistencyOptions Consistency { get; init; } = new();

    /// <summary>
    /// Runs what calls that were answered together do next, at once and on another thread: only for callers whose continuations never
    /// block, as a server's do not. <value>Null: each goes on by itself, on the thread pool.</value>
    /// </summary>
    public Action<Action>? RunAnswers { get; init; }

    /// <summary>How long a scan may hold one view of the engine before it takes a newer one. <value>10 s</value></summary>
    public TimeSpan ScanViewMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Threads that step Raft groups (shard mod workers). <value>0: half the processors, 1 to 8.</value></summary>
    public int RaftWorkers { get; init; }

    /// <summary>What is kept of slow requests.</summary>
    public SlowLogOptions Slow { get; init; } = new();

    // What it is wired to.

    /// <summary>The cluster it is part of. <value>Null: this node alone, one voter per shard.</value></summary>
    public ClusterPlan? Plan { get; init; }

    /// <summary>Carries frames to the other nodes of <see cref="Plan"/>. <value>Null: none.</value></summary>
    public ITransport? Transport { get; init; }

    /// <summary>
    /// Called, on any thread, with who the nodes are and where, whenever that changes, and once at the start.
    /// <value>Null: nobody is told.</value>
    /// </summary>
    public Action<Meta.ClusterMap>? PeersChanged { get; init; }

    /// <summary>When the certificate ends that this node shows others. <value>Null: it has none.</value></summary>
    public Func<DateTimeOffset?>? CertificateEnds { get; init; }

    /// <summary>Clock and timestamps.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Takes measurements.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Takes events.</summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    /// <summary>Traces what other nodes forward in traces that they record. <value>Null: none.</value></summary>
    public Tracer? Tracer { get; init; }

    /// <summary>Seeds what is random; 0: from the system.</summary>
    public ulong Seed { get; init; }

    /// <summary>True: the node owns threads. False: its owner calls <see cref="NoriNode.RunOnce"/> (simulation).</summary>
    public bool RunLoops { get; init; } = true;

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Require(Types.NodeName.IsValid(NodeName), "NodeName must be 1 to 64 of letters, digits, '.', '_' and '-'");
        Require(!string.IsNullOrEmpty(DataDirectory), "DataDirectory must be given");
        Require(TotalShards is >= 1 and <= KeyHash.TotalShardsMax, "TotalShards must lie between 1 and 65,536");
        Require(Enum.IsDefined(Sync), "Sync must be Always, Batch or Os");
        Require(Limits.KeyBytesMax is >= 1 and <= 32 << 10, "Limits.KeyBytesMax must lie between 1 byte and 32 KiB");
        Require(Limits.ValueBytesMax is >= 0 and <= 8 << 20, "Limits.ValueBytesMax must lie between 0 and 8 MiB");
        Require(Limits.RequestBytesMax is >= 1 and <= 12 << 20, "Limits.RequestBytesMax must lie between 1 byte and 12 MiB");
        Require(Limits.IdempotencyKeyBytesMax is >= 1 and <= 4096, "Limits.IdempotencyKeyBytesMax must lie between 1 and 4,096");
        Require(RequestTimeout > TimeSpan.Zero, "RequestTimeout must be positive");
        Require(AnswerMargin >= TimeSpan.Zero, "AnswerMargin must not be negative");
        Require(DiskReserveBytes >= 0, "DiskReserveBytes must not be negative");
        Require(MaxInFlight >= 1, "MaxInFlight must be positive");
        Require(InFlightBytesMax >= 1, "InFlightBytesMax must be positive");
        Require(ApplyBacklogBytesMax >= 1, "ApplyBacklogBytesMax must be positive");
        Require(ApplyWorkers is >= 0 and <= 64, "ApplyWorkers must lie between 0 and 64");
        Require(RaftWorkers is >= 0 and <= 64, "RaftWorkers must lie between 0 and 64");
        Require(ReplicationFactor is >= 1 and <= 9, "ReplicationFactor must lie between 1 and 9");
        Require(LogRetainedBytesMax >= 1, "LogRetainedBytesMax must be positive");
        Require(LogRetainedEntriesMax >= 1, "LogRetainedEntriesMax must be positive");
        problems.AddRange(Snapshots.Validate());
        problems.AddRange(Placement.Validate());
        problems.AddRange(Slow.Validate());
        problems.AddRange(Diagnosis.Validate());
        problems.AddRange(Consistency.Validate());
        if (Plan is { } plan)
        {
            problems.AddRange(plan.Validate());
            Require(plan.Nodes.Count <= 1 || Transport is not null, "Plan names other nodes: Transport must be given");
            Require(plan.Nodes.Count <= 1 || Sync != SyncPolicy.Os, "Sync must be Always or Batch with other nodes in Plan");
        }

        Require(Machine.IdempotencyRetention >= TimeSpan.FromMilliseconds(4), "Machine.IdempotencyRetention is too short");
        Require(Machine.SessionWindow is >= 1 and <= 65_534, "Machine.SessionWindow must lie between 1 and 65,534");
        return problems;

        void Require(bool good, string problem)
        {
            if (!good) problems.Add(problem);
        }
    }
}
