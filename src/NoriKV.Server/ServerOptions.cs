using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>
/// What a server is started with. Defaults stand here; <see cref="ServerConfiguration"/> lays file,
/// environment and flags over them.
/// </summary>
public sealed record ServerOptions
{
    // Behaviour.

    /// <summary>This node's id, 1–64 of <c>[A-Za-z0-9._-]</c>. Default <c>n1</c>.</summary>
    public string NodeId { get; init; } = "n1";

    /// <summary>Where gRPC is served. Default 0.0.0.0:7447; port 0 takes a free one.</summary>
    public HostPort RpcAddress { get; init; } = new("0.0.0.0", 7447);

    /// <summary>Where HTTP is served. Default 0.0.0.0:8080; port 0 takes a free one.</summary>
    public HostPort HttpAddress { get; init; } = new("0.0.0.0", 8080);

    /// <summary>
    /// True when somebody asked for that HTTP address: that it is taken is an error then, else a warning.
    /// </summary>
    public bool HttpAddressIsExplicit { get; init; }

    /// <summary>
    /// What clients and peers dial; null derives it from the RPC address. A port of 0 becomes the bound one.
    /// </summary>
    public HostPort? AdvertiseAddress { get; init; }

    /// <summary>The data directory. Default <c>norikv-data</c> under the working directory.</summary>
    public string DataDirectory { get; init; } = "norikv-data";

    /// <summary>The durability of the log: batch, always or os. Default batch.</summary>
    public string WalSync { get; init; } = "batch";

    /// <summary>Whether /metrics is served. Default true.</summary>
    public bool PrometheusEnabled { get; init; } = true;

    /// <summary>Whether metrics and traces are sent by OTLP. Default false.</summary>
    public bool OtlpEnabled { get; init; }

    /// <summary>Where OTLP goes; null for the exporter's default.</summary>
    public string? OtlpEndpoint { get; init; }

    /// <summary>Headers of OTLP requests, <c>name=value</c>.</summary>
    public IReadOnlyList<string> OtlpHeaders { get; init; } = [];

    /// <summary>How the collector is spoken to: grpc or http (protobuf). Default grpc.</summary>
    public string OtlpProtocol { get; init; } = "grpc";

    /// <summary>The share of requests traced where the caller says nothing, 0 to 1. Default 0.001.</summary>
    public double TraceSampleRatio { get; init; } = 0.001;

    /// <summary>Events that /events remembers, about 400 bytes each. Default 4,096.</summary>
    public int EventsRemembered { get; init; } = 4096;

    /// <summary>From one sample of the last hour, which the dashboard plays back, to the next. Default 10 s.</summary>
    public TimeSpan HourStep { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Events of the last hour that are remembered for the dashboard, about 400 bytes each. Default 4,096.</summary>
    public int HourEvents { get; init; } = 4096;

    /// <summary>Bytes of memory that the samples of the last hour may take; beyond, the oldest go. Default 8 MiB.</summary>
    public long HourBytesMax { get; init; } = 8L << 20;

    /// <summary>The log's format: console or json. Default console.</summary>
    public string LogFormat { get; init; } = "console";

    /// <summary>The log's level where a component has none of its own. Default info.</summary>
    public string LogLevel { get; init; } = "info";

    /// <summary>Levels of single components, <c>raft=debug</c>.</summary>
    public IReadOnlyList<string> LogLevels { get; init; } = [];

    /// <summary>A request that takes so long is slow: logged with its stages and shown by /slow; 0 for none. Default 250 ms.</summary>
    public TimeSpan SlowThreshold { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The server's certificate (PEM); null serves plaintext.</summary>
    public string? TlsCertificate { get; init; }

    /// <summary>The certificate's key (PEM).</summary>
    public string? TlsKey { get; init; }

    /// <summary>The authority that certificates of clients and other nodes must come from (PEM); null asks clients for none.</summary>
    public string? TlsClientCa { get; init; }

    /// <summary>
    /// True lets anyone call Admin and Raft. Default false: loopback, client certificate or peer secret.
    /// </summary>
    public bool Insecure { get; init; }

    /// <summary>The secret of the cluster's members; null for none.</summary>
    public string? PeerSecret { get; init; }

    /// <summary>Longest time to stop in. Default 5 s.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>True prints the ready line as JSON.</summary>
    public bool Json { get; init; }

    // Limits and sizes.

    /// <summary>The sizes of keys, values and requests.</summary>
    public KvLimits Limits { get; init; } = KvLimits.Default;

    /// <summary>Requests worked on at once; more are answered as overload. Default 4,096.</summary>
    public int MaxInFlight { get; init; } = 4096;

    /// <summary>How long outcomes of idempotency keys are kept. Default 10 min.</summary>
    public TimeSpan IdempotencyTtl { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Bytes of a log segment. Default 128 MiB.</summary>
    public long LogSegmentBytes { get; init; } = 128L << 20;

    /// <summary>Bytes of entries the log keeps before the shard that retains most lets go. Default 4 GiB.</summary>
    public long LogLiveBytesMax { get; init; } = 4L << 30;

    /// <summary>Entries the log keeps before the shard that retains most lets go. Default 4 million.</summary>
    public long LogLiveEntriesMax { get; init; } = 4_000_000;

    /// <summary>Bytes of one shard that the log keeps for a peer that lags. Default 256 MiB.</summary>
    public long LogRetainedBytes { get; init; } = 256L << 20;

    /// <summary>What snapshots of shards may send a second; 0 for no bound. Default 128 MiB.</summary>
    public long SnapshotBytesPerSecond { get; init; } = 128L << 20;

    /// <summary>Snapshots sent at the same time. Default 2.</summary>
    public int SnapshotsSentAtOnce { get; init; } = 2;

    /// <summary>Snapshots received at the same time. Default 2.</summary>
    public int SnapshotsReceivedAtOnce { get; init; } = 2;

    /// <summary>How long a snapshot may stand still before it is given up. Default 30 s.</summary>
    public TimeSpan SnapshotIdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of a memtable before it is flushed. Default 64 MiB.</summary>
    public long MemtableBytes { get; init; } = 64L << 20;

    /// <summary>Bytes of the block cache. Default 256 MiB.</summary>
    public long BlockCacheBytes { get; init; } = 256L << 20;

    /// <summary>Bytes of a table file. Default 64 MiB.</summary>
    public long TargetFileBytes { get; init; } = 64L << 20;

    /// <summary>
    /// none, snappy, lz4, zstd, or auto for the best there is on this machine. Default auto.
    /// </summary>
    public string Compression { get; init; } = "auto";

    /// <summary>What keeps the data: lsm, memory, rocksdb.</summary>
    public string Engine { get; init; } = "lsm";

    /// <summary>Time between scrubs; zero: none.</summary>
    public TimeSpan ScrubInterval { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Time in which a leader has all its shards' replicas compared once; zero: never. <value>6 hours.</value></summary>
    public TimeSpan ConsistencyInterval { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Bytes a second that comparing replicas may read; 0 for no bound. <value>16 MiB.</value></summary>
    public long ConsistencyBytesPerSecond { get; init; } = 16L << 20;

    /// <summary>What a scrub may read a second; 0 for no bound.</summary>
    public long ScrubBytesPerSecond { get; init; } = 16L << 20;

    /// <summary>Bytes a second that flush and compaction may write; 0 for no bound. Default 0.</summary>
    public long BackgroundBytesPerSecond { get; init; }

    // Cluster-wide: must match on every node.

    /// <summary>The cluster's name. Default <c>norikv</c>.</summary>
    public string ClusterName { get; init; } = "norikv";

    /// <summary>The failure zone of this node; null for none.</summary>
    public string? Zone { get; init; }

    /// <summary>Nodes to ask for a cluster.</summary>
    public IReadOnlyList<HostPort> SeedNodes { get; init; } = [];

    /// <summary>Shards, fixed when the cluster forms. Default 1,024.</summary>
    public int TotalShards { get; init; } = 1024;

    /// <summary>Replicas of a shard. Default 3.</summary>
    public int ReplicationFactor { get; init; } = 3;

    /// <summary>Forms a new cluster once exactly so many nodes agree; null forms none by counting.</summary>
    public int? BootstrapExpect { get; init; }

    /// <summary>Hash only the bytes inside the first <c>{}</c> of a key. Default false.</summary>
    public bool HashTags { get; init; }

    /// <summary>
    /// Whether the node is a SWIM member, on the UDP port of its gRPC number; null: where it has seeds. Default null.
    /// </summary>
    public bool? SwimEnabled { get; init; }

    /// <summary>True for a SWIM member.</summary>
    public bool IsSwimMember => SwimEnabled ?? SeedNodes.Count > 0;

    /// <summary>Time between SWIM probes. Default 1 s.</summary>
    public TimeSpan SwimProbeInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time a SWIM probe waits. Default 500 ms.</summary>
    public TimeSpan SwimProbeTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Nodes asked to probe in one's place. Default 3.</summary>
    public int SwimIndirectProbes { get; init; } = 3;

    /// <summary>
    /// What contradicts itself; empty when nothing does. Single values were checked where they were read.
    /// </summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Check(NodeName.IsValid(NodeId), $"node_id '{NodeId}' is not 1 to 64 of [A-Za-z0-9._-]");
        Check(TotalShards is >= 1 and <= 65_536, "cluster.total_shards must be 1 to 65536");
        Check(ReplicationFactor is >= 1 and <= 7, "cluster.replication_factor must be 1 to 7");
        Check(BootstrapExpect is null or (>= 1 and <= 99), "cluster.bootstrap_expect must be 1 to 99");
        Check(DataDirectory.Length > 0, "data_dir must not be empty");
        Check((TlsCertificate is null) == (TlsKey is null), "tls.cert and tls.key go together");
        Check(TlsClientCa is null || TlsCertificate is not null, "tls.client_ca needs tls.cert and tls.key");
        Check(Limits.KeyBytesMax is >= 1 and <= 32 << 10, "limits.max_key_bytes must be 1 byte to 32 KiB");
        Check(Limits.ValueBytesMax is >= 0 and <= 8 << 20, "limits.max_value_bytes must be 0 to 8 MiB");
        Check(Limits.RequestBytesMax is >= 1024 and <= 12 << 20, "limits.request_max_bytes must be 1 KiB to 12 MiB");
        Check(
            Limits.RequestBytesMax >= (long)Limits.KeyBytesMax + Limits.ValueBytesMax + 512,
            "limits.request_max_bytes must hold a key and a value of the greatest size, and 512 bytes more");
        Check(MaxInFlight >= 1, "limits.max_in_flight must be at least 1");
        Check(IdempotencyTtl >= TimeSpan.FromSeconds(1), "limits.idempotency_ttl must be at least 1 s");
        Check(WalSync is "batch" or "always" or "os", $"wal.sync must be batch, always or os, not '{WalSync}'");
        Check(
            WalSync != "os" || (SeedNodes.Count == 0 && BootstrapExpect is null or 1),
            "wal.sync os is for a node alone: a vote that is not durable breaks a cluster");
        Check(LogSegmentBytes >= 4L << 20, "log.segment_bytes must be at least 4 MiB");
        Check(LogLiveBytesMax >= 16L << 20, "log.live_bytes_max must be at least 16 MiB");
        Check(LogLiveEntriesMax >= 10_000, "log.live_entries_max must be at least 10,000");
        Check(LogRetainedBytes >= 1L << 20, "log.retained_bytes must be at least 1 MiB");
        Check(SnapshotBytesPerSecond >= 0, "snapshots.bytes_per_second must not be negative");
        Check(SnapshotsSentAtOnce >= 1, "snapshots.sent_at_once must be at least 1");
        Check(SnapshotsReceivedAtOnce >= 1, "snapshots.received_at_once must be at least 1");
        Check(SnapshotIdleTimeout > TimeSpan.FromSeconds(1), "snapshots.idle_timeout must be above 1 s");
        Check(MemtableBytes >= 64L << 10, "storage.memtable_bytes must be at least 64 KiB");
        Check(TargetFileBytes >= 64L << 10, "storage.target_file_bytes must be at least 64 KiB");
        Check(SwimIndirectProbes is >= 0 and <= 16, "swim.indirect_probes must be 0 to 16");
        Check(SwimProbeTimeout < SwimProbeInterval, "swim.probe_timeout must be below swim.probe_interval");
        Check(EventsRemembered is >= 16 and <= 1 << 20, "telemetry.events.remembered must be 16 to 1048576");
        Check(HourStep >= TimeSpan.FromSeconds(1), "telemetry.hour.step must be at least 1 s");
        Check(HourEvents is >= 16 and <= 1 << 16, "telemetry.hour.events must be 16 to 65536");
        Check(HourBytesMax >= 64L << 10, "telemetry.hour.bytes_max must be at least 64 KiB");
        Check(StopTimeout > TimeSpan.Zero, "the stop timeout must be above 0");
        return problems;

        void Check(bool holds, string problem)
        {
            if (!holds) problems.Add(problem);
        }
    }
}
