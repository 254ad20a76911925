using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>
/// Every setting there is, in one table: the file's keys, the flags, the environment variables and the
/// documentation all come from it.
/// </summary>
public static class Settings
{
    private static readonly ServerOptions D = new();

    /// <summary>The table, in the order in which it is printed.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        Text("node_id", "this node's id, 1-64 of [A-Za-z0-9._-]", D.NodeId, (o, v) => o with { NodeId = v },
            NodeName.IsValid, "1 to 64 of [A-Za-z0-9._-]"),
        Address("rpc_addr", "where gRPC is served; port 0 takes a free one", $"{D.RpcAddress}", 7447,
            (o, v) => o with { RpcAddress = v }, aliases: ["grpc-addr"]),
        Address("http_addr", "where HTTP is served; port 0 takes a free one", $"{D.HttpAddress}", 8080,
            (o, v) => o with { HttpAddress = v, HttpAddressIsExplicit = true }),
        Address("advertise_addr", "what clients and peers dial, when it is not the RPC address", "", 0,
            (o, v) => o with { AdvertiseAddress = v }, wildcard: false),
        Text("data_dir", "the data directory", D.DataDirectory, (o, v) => o with { DataDirectory = v }, IsText,
            "a path"),
        List("cluster.seed_nodes", "nodes to ask for a cluster, host:port", "seed-nodes", Seeds),
        Number("cluster.total_shards", "shards, fixed when the cluster forms", D.TotalShards, 1, 65_536,
            (o, v) => o with { TotalShards = (int)v }, "total-shards"),
        Number("cluster.replication_factor", "replicas of a shard", D.ReplicationFactor, 1, 7,
            (o, v) => o with { ReplicationFactor = (int)v }, "replication-factor"),
        Number("cluster.bootstrap_expect", "form a new cluster once exactly so many nodes agree", null, 1, 99,
            (o, v) => o with { BootstrapExpect = (int)v }, "bootstrap-expect"),
        Text("cluster.name", "the cluster's name", D.ClusterName, (o, v) => o with { ClusterName = v },
            NodeName.IsValid, "1 to 64 of [A-Za-z0-9._-]"),
        Text("cluster.zone", "the failure zone of this node", "", (o, v) => o with { Zone = v }, NodeName.IsValid,
            "1 to 64 of [A-Za-z0-9._-]"),
        Boolean("cluster.hash_tags", "hash only the bytes inside the first {} of a key; fixed when the cluster forms",
            D.HashTags, (o, v) => o with { HashTags = v }),
        Text("cluster.peer_secret", "the secret of the cluster's members", "", (o, v) => o with { PeerSecret = v },
            static v => v.Length >= 8 && v.All(static c => c is > ' ' and <= '~'),
            "at least 8 printable ASCII characters"),
        Choice("log.format", "log lines as text for people, or as JSON", D.LogFormat, ["console", "json"],
            (o, v) => o with { LogFormat = v }),
        Choice("log.level", "the least level that is logged", D.LogLevel, ["debug", "info", "warning", "error", "off"],
            (o, v) => o with { LogLevel = v }),
        List("log.levels", "other levels for single components, component=level", null, static (o, values) =>
            values.Select(new LogLevels().SetWord).FirstOrDefault(static p => p is not null) is { } problem
                ? new SettingOutcome(null, problem)
                : new SettingOutcome(o with { LogLevels = values }, null)),
        Duration("log.slow_threshold", "a request that takes so long is logged with its stages and shown by /slow; 0 for none",
            D.SlowThreshold, 0, 3600, (o, v) => o with { SlowThreshold = v }),
        Bytes("log.segment_bytes", "bytes of a log segment", D.LogSegmentBytes, 4L << 20, 4L << 30,
            (o, v) => o with { LogSegmentBytes = v }),
        Bytes("log.live_bytes_max", "bytes of entries the log keeps before whoever retains most must let go",
            D.LogLiveBytesMax, 16L << 20, 1L << 44, (o, v) => o with { LogLiveBytesMax = v }),
        Number("log.live_entries_max", "entries the log keeps before whoever retains most must let go",
            D.LogLiveEntriesMax, 10_000, 1L << 32, (o, v) => o with { LogLiveEntriesMax = v }),
        Bytes("log.retained_bytes", "bytes of one shard that the log keeps for a peer that lags; beyond, it gets a snapshot",
            D.LogRetainedBytes, 1L << 20, 1L << 44, (o, v) => o with { LogRetainedBytes = v }),
        Bytes("snapshots.bytes_per_second", "what snapshots may send a second; 0 for no bound", D.SnapshotBytesPerSecond, 0, 1L << 44,
            (o, v) => o with { SnapshotBytesPerSecond = v }),
        Number("snapshots.sent_at_once", "snapshots sent at the same time", D.SnapshotsSentAtOnce, 1, 64,
            (o, v) => o with { SnapshotsSentAtOnce = (int)v }),
        Number("snapshots.received_at_once", "snapshots received at the same time", D.SnapshotsReceivedAtOnce, 1, 64,
            (o, v) => o with { SnapshotsReceivedAtOnce = (int)v }),
        Duration("snapshots.idle_timeout", "how long a snapshot may stand still before it is given up", D.SnapshotIdleTimeout, 2, 3600,
            (o, v) => o with { SnapshotIdleTimeout = v }),
        Choice("wal.sync", "durability: batch and always answer after the sync, os before it", D.WalSync,
            ["batch", "always", "os"], (o, v) => o with { WalSync = v }),
        Choice("swim.enabled", "whether the node is a SWIM member; auto: where it has seed nodes", "auto",
            ["auto", "true", "false"], (o, v) => o with { SwimEnabled = v == "auto" ? null : v == "true" }),
        Duration("swim.probe_interval", "time between probes", D.SwimProbeInterval, 0.01, 600,
            (o, v) => o with { SwimProbeInterval = v }),
        Duration("swim.probe_timeout", "time a probe waits", D.SwimProbeTimeout, 0.005, 600,
            (o, v) => o with { SwimProbeTimeout = v }),
        Number("swim.indirect_probes", "nodes asked to probe in one's place", D.SwimIndirectProbes, 0, 16,
            (o, v) => o with { SwimIndirectProbes = (int)v }),
        Choice("storage.engine", "what keeps the data: our own engine, memory (rebuilt from the log), or RocksDB", D.Engine,
            ["lsm", "memory", "rocksdb"], (o, v) => o with { Engine = v }),
        Bytes("storage.memtable_bytes", "bytes of a memtable before it is flushed", D.MemtableBytes, 64L << 10,
            4L << 30, (o, v) => o with { MemtableBytes = v }),
        Bytes("storage.block_cache_bytes", "bytes of the block cache", D.BlockCacheBytes, 0, 1L << 44,
            (o, v) => o with { BlockCacheBytes = v }),
        Bytes("storage.target_file_bytes", "bytes of a table file", D.TargetFileBytes, 64L << 10, 4L << 30,
            (o, v) => o with { TargetFileBytes = v }),
        Choice("storage.compression", "compression of tables; auto takes what this machine has", D.Compression,
            ["auto", "none", "snappy", "lz4", "zstd"], (o, v) => o with { Compression = v }),
        Bytes("storage.background_bytes_per_second", "what flush and compaction may write a second; 0 for no bound",
            D.BackgroundBytesPerSecond, 0, 1L << 44, (o, v) => o with { BackgroundBytesPerSecond = v }),
        Duration("storage.scrub_interval", "time between scrubs of the engine's files; 0 for none", D.ScrubInterval, 0, 31_536_000,
            (o, v) => o with { ScrubInterval = v }),
        Bytes("storage.scrub_bytes_per_second", "what a scrub may read a second; 0 for no bound",
            D.ScrubBytesPerSecond, 0, 1L << 44, (o, v) => o with { ScrubBytesPerSecond = v }),
        Duration("consistency.interval", "time in which a leader has all its shards' replicas compared once; 0 for never",
            D.ConsistencyInterval, 0, 31_536_000, (o, v) => o with { ConsistencyInterval = v }),
        Bytes("consistency.bytes_per_second", "what comparing replicas may read a second; 0 for no bound",
            D.ConsistencyBytesPerSecond, 0, 1L << 44, (o, v) => o with { ConsistencyBytesPerSecond = v }),
        Number("limits.max_in_flight", "requests worked on at once", D.MaxInFlight, 1, 1_000_000,
            (o, v) => o with { MaxInFlight = (int)v }),
        Duration("limits.idempotency_ttl", "how long outcomes of idempotency keys are kept", D.IdempotencyTtl, 1,
            7 * 86_400, (o, v) => o with { IdempotencyTtl = v }),
        Bytes("limits.max_key_bytes", "greatest key", D.Limits.KeyBytesMax, 1, 32 << 10,
            (o, v) => o with { Limits = o.Limits with { KeyBytesMax = (int)v } }),
        Bytes("limits.max_value_bytes", "greatest value", D.Limits.ValueBytesMax, 0, 8 << 20,
            (o, v) => o with { Limits = o.Limits with { ValueBytesMax = (int)v } }),
        Bytes("limits.request_max_bytes", "greatest request", D.Limits.RequestBytesMax, 1 << 10, 12 << 20,
            (o, v) => o with { Limits = o.Limits with { RequestBytesMax = (int)v } }),
        Boolean("telemetry.prometheus.enabled", "serve /metrics", D.PrometheusEnabled,
            (o, v) => o with { PrometheusEnabled = v }),
        Boolean("telemetry.otlp.enabled", "send metrics and traces by OTLP", D.OtlpEnabled,
            (o, v) => o with { OtlpEnabled = v }),
        Text("telemetry.otlp.endpoint", "where OTLP goes", "", (o, v) => o with { OtlpEndpoint = v },
            static v => Uri.TryCreate(v, UriKind.Absolute, out Uri? u) && u.Scheme is "http" or "https",
            "an http or https address"),
        List("telemetry.otlp.headers", "headers of OTLP requests, name=value", null, static (o, values) =>
            values.FirstOrDefault(static v => v.IndexOf('=', StringComparison.Ordinal) < 1) is { } bad
                ? new SettingOutcome(null, $"'{bad}' is not name=value")
                : new SettingOutcome(o with { OtlpHeaders = values }, null)),
        Choice("telemetry.otlp.protocol", "how the collector is spoken to", D.OtlpProtocol, ["grpc", "http"],
            (o, v) => o with { OtlpProtocol = v }),
        Text("telemetry.traces.sample_ratio", "the share of requests traced where the caller says nothing", "0.001",
            (o, v) => o with { TraceSampleRatio = SettingText.Ratio(v)!.Value }, static v => SettingText.Ratio(v) is not null,
            "a number from 0 to 1"),
        Number("telemetry.events.remembered", "events that /events remembers, about 400 bytes each", D.EventsRemembered, 16, 1 << 20,
            (o, v) => o with { EventsRemembered = (int)v }),
        Duration("telemetry.hour.step", "time between samples of the last hour, which the dashboard plays back", D.HourStep, 1, 600,
            (o, v) => o with { HourStep = v }),
        Number("telemetry.hour.events", "events of the last hour remembered for the dashboard, about 400 bytes each", D.HourEvents, 16,
            1 << 16, (o, v) => o with { HourEvents = (int)v }),
        Bytes("telemetry.hour.bytes_max", "bytes of memory of the samples of the last hour; beyond, the oldest go", D.HourBytesMax,
            64L << 10, 1L << 30, (o, v) => o with { HourBytesMax = v }),
        Text("tls.cert", "the server's certificate (PEM file)", "", (o, v) => o with { TlsCertificate = v }, IsText,
            "a path"),
        Text("tls.key", "the certificate's key (PEM file)", "", (o, v) => o with { TlsKey = v }, IsText, "a path"),
        Text("tls.client_ca", "the authority that certificates of clients and other nodes must come from (PEM file)", "",
            (o, v) => o with { TlsClientCa = v }, IsText, "a path"),
        Boolean("insecure", "let anyone call Admin and Raft", D.Insecure, (o, v) => o with { Insecure = v }),
    ];

    private static bool IsText(string text) => text.Length > 0;

    private static SettingOutcome Seeds(ServerOptions options, IReadOnlyList<string> values)
    {
        var seeds = new List<HostPort>();
        foreach (string value in values)
        {
            if (!HostPort.TryParse(value, 7447, out HostPort? seed) || seed!.IsWildcard || seed.Port == 0)
                return new SettingOutcome(null, $"'{value}' is not host:port");
            seeds.Add(seed);
        }

        return new SettingOutcome(options with { SeedNodes = seeds }, null);
    }

    private static Setting Text(
        string path, string help, string shown, Func<ServerOptions, string, ServerOptions> apply,
        Func<string, bool> isValid, string expected, string? flag = null) =>
        Single(path, help, shown, flag, false, [], (o, text) => isValid(text)
            ? new SettingOutcome(apply(o, text), null)
            : Wrong(text, expected));

    private static Setting Choice(
        string path, string help, string shown, string[] words, Func<ServerOptions, string, ServerOptions> apply) =>
        Text(path, help, shown, apply, v => words.Contains(v), "one of " + string.Join(", ", words));

    private static Setting Number(
        string path, string help, long? shown, long least, long most, Func<ServerOptions, long, ServerOptions> apply,
        string? flag = null) =>
        Single(path, help, $"{shown}", flag, false, [], (o, text) =>
            SettingText.TryNumber(text, least, most, out long value, out string expected)
                ? new SettingOutcome(apply(o, value), null)
                : Wrong(text, expected));

    private static Setting Bytes(
        string path, string help, long shown, long least, long most, Func<ServerOptions, long, ServerOptions> apply) =>
        Single(path, help, SettingText.Shown(shown), null, false, [], (o, text) =>
            SettingText.TryBytes(text, least, most, out long value, out string expected)
                ? new SettingOutcome(apply(o, value), null)
                : Wrong(text, expected));

    private static Setting Duration(
        string path, string help, TimeSpan shown, double leastSeconds, double mostSeconds,
        Func<ServerOptions, TimeSpan, ServerOptions> apply) =>
        Single(path, help, SettingText.Shown(shown), null, false, [], (o, text) =>
            SettingText.TryDuration(
                text,
                TimeSpan.FromSeconds(leastSeconds),
                TimeSpan.FromSeconds(mostSeconds),
                out TimeSpan value,
                out string expected)
                ? new SettingOutcome(apply(o, value), null)
                : Wrong(text, expected));

    private static Setting Boolean(
        string path, string help, bool shown, Func<ServerOptions, bool, ServerOptions> apply) =>
        Single(path, help, shown ? "true" : "false", null, true, [], (o, text) =>
            SettingText.TryBoolean(text, out bool value, out string expected)
                ? new SettingOutcome(apply(o, value), null)
                : Wrong(text, expected));

    private static Setting Address(
        string path, string help, string shown, int defaultPort, Func<ServerOptions, HostPort, ServerOptions> apply,
        string[]? aliases = null, bool wildcard = true) =>
        Single(path, help, shown, null, false, aliases ?? [], (o, text) =>
            HostPort.TryParse(text, defaultPort, out HostPort? address) && (wildcard || !address!.IsWildcard)
                ? new SettingOutcome(apply(o, address!), null)
                : Wrong(text, wildcard ? "host:port" : "host:port that others can dial"));

    private static Setting List(
        string path, string help, string? flag, Func<ServerOptions, IReadOnlyList<string>, SettingOutcome> apply) =>
        new(path, help, "", apply, flag, [], isList: true, isFlag: false);

    private static Setting Single(
        string path, string help, string shown, string? flag, bool isFlag, string[] aliases,
        Func<ServerOptions, string, SettingOutcome> apply) =>
        new(path, help, shown, (o, values) => values.Count == 1
            ? apply(o, values[0])
            : new SettingOutcome(null, "expected one value, not a list"), flag, aliases, isList: false, isFlag);

    private static SettingOutcome Wrong(string text, string expected) =>
        new(null, $"'{(text.Length > 60 ? text[..60] + "…" : text)}' is not {expected}");
}
