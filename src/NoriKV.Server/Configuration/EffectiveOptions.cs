using System.Globalization;

namespace NoriKV.Server;

/// <summary>The options as they came out of all sources, for the log: every value, and no secret.</summary>
public static class EffectiveOptions
{
    /// <summary>Keys as in the file, with their values.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(ServerOptions o)
    {
        var all = new List<KeyValuePair<string, string>>();
        Add("node_id", o.NodeId);
        Add("rpc_addr", o.RpcAddress);
        Add("http_addr", o.HttpAddress);
        Add("advertise_addr", o.AdvertiseAddress);
        Add("data_dir", o.DataDirectory);
        Add("cluster.name", o.ClusterName);
        Add("cluster.zone", o.Zone);
        Add("cluster.seed_nodes", string.Join(',', o.SeedNodes));
        Add("cluster.total_shards", o.TotalShards);
        Add("cluster.replication_factor", o.ReplicationFactor);
        Add("cluster.bootstrap_expect", o.BootstrapExpect);
        Add("cluster.hash_tags", o.HashTags);
        Add("cluster.peer_secret", o.PeerSecret is null ? null : "(set)");
        Add("log.format", o.LogFormat);
        Add("log.level", o.LogLevel);
        Add("log.levels", string.Join(',', o.LogLevels));
        Add("log.slow_threshold", SettingText.Shown(o.SlowThreshold));
        Add("log.segment_bytes", SettingText.Shown(o.LogSegmentBytes));
        Add("log.live_bytes_max", SettingText.Shown(o.LogLiveBytesMax));
        Add("log.live_entries_max", o.LogLiveEntriesMax);
        Add("log.retained_bytes", SettingText.Shown(o.LogRetainedBytes));
        Add("snapshots.bytes_per_second", SettingText.Shown(o.SnapshotBytesPerSecond));
        Add("snapshots.sent_at_once", o.SnapshotsSentAtOnce);
        Add("snapshots.received_at_once", o.SnapshotsReceivedAtOnce);
        Add("snapshots.idle_timeout", SettingText.Shown(o.SnapshotIdleTimeout));
        Add("wal.sync", o.WalSync);
        Add("swim.enabled", o.SwimEnabled is { } enabled ? enabled : "auto");
        Add("swim.probe_interval", SettingText.Shown(o.SwimProbeInterval));
        Add("swim.probe_timeout", SettingText.Shown(o.SwimProbeTimeout));
        Add("swim.indirect_probes", o.SwimIndirectProbes);
        Add("storage.engine", o.Engine);
        Add("storage.memtable_bytes", SettingText.Shown(o.MemtableBytes));
        Add("storage.block_cache_bytes", SettingText.Shown(o.BlockCacheBytes));
        Add("storage.target_file_bytes", SettingText.Shown(o.TargetFileBytes));
        Add("storage.compression", o.Compression);
        Add("storage.background_bytes_per_second", SettingText.Shown(o.BackgroundBytesPerSecond));
        Add("storage.scrub_interval", SettingText.Shown(o.ScrubInterval));
        Add("storage.scrub_bytes_per_second", SettingText.Shown(o.ScrubBytesPerSecond));
        Add("consistency.interval", SettingText.Shown(o.ConsistencyInterval));
        Add("consistency.bytes_per_second", SettingText.Shown(o.ConsistencyBytesPerSecond));
        Add("limits.max_in_flight", o.MaxInFlight);
        Add("limits.idempotency_ttl", SettingText.Shown(o.IdempotencyTtl));
        Add("limits.max_key_bytes", o.Limits.KeyBytesMax);
        Add("limits.max_value_bytes", o.Limits.ValueBytesMax);
        Add("limits.request_max_bytes", o.Limits.RequestBytesMax);
        Add("telemetry.prometheus.enabled", o.PrometheusEnabled);
        Add("telemetry.otlp.enabled", o.OtlpEnabled);
        Add("telemetry.otlp.endpoint", o.OtlpEndpoint);
        Add("telemetry.otlp.headers", o.OtlpHeaders.Count == 0 ? null : "(set)");
        Add("telemetry.otlp.protocol", o.OtlpProtocol);
        Add("telemetry.traces.sample_ratio", o.TraceSampleRatio);
        Add("telemetry.events.remembered", o.EventsRemembered);
        Add("telemetry.hour.step", SettingText.Shown(o.HourStep));
        Add("telemetry.hour.events", o.HourEvents);
        Add("telemetry.hour.bytes_max", SettingText.Shown(o.HourBytesMax));
        Add("tls.cert", o.TlsCertificate);
        Add("tls.key", o.TlsKey);
        Add("tls.client_ca", o.TlsClientCa);
        Add("insecure", o.Insecure);
        return all;

        void Add(string key, object? value)
        {
            string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            if (value is bool flag) text = flag ? "true" : "false";
            all.Add(KeyValuePair.Create(key, text));
        }
    }
}
