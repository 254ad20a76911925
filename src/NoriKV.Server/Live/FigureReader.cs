using System.Globalization;
using Nori.Observe;

namespace NoriKV.Server.Live;

/// <summary>
/// Reads from the meter what the dashboard shows, under short names: durations in microseconds, distributions as counts of
/// their buckets (<c>write.3</c>) with their sum and count, everything else as whole numbers.
/// </summary>
internal sealed class FigureReader : IMetricVisitor
{
    private const string Prefix = "norikv_";

    // Family to the name it is shown under; a family with a label has a figure for each value of it.
    private static readonly Dictionary<string, string> Plain = new(StringComparer.Ordinal)
    {
        ["norikv_lsm_block_cache_bytes"] = "cache.bytes",
        ["norikv_lsm_block_cache_hits_total"] = "cache.hits",
        ["norikv_lsm_block_cache_misses_total"] = "cache.misses",
        ["norikv_lsm_compaction_debt_bytes"] = "lsm.debt",
        ["norikv_lsm_compaction_read_bytes_total"] = "lsm.compact_read",
        ["norikv_lsm_compaction_written_bytes_total"] = "lsm.compact_written",
        ["norikv_lsm_disk_full"] = "lsm.disk_full",
        ["norikv_lsm_flushed_bytes_total"] = "lsm.flushed",
        ["norikv_lsm_user_bytes_total"] = "lsm.user",
        ["norikv_lsm_immutable_memtables"] = "lsm.immutable",
        ["norikv_lsm_memtable_bytes"] = "lsm.memtable",
        ["norikv_lsm_level_bytes"] = "lsm.bytes",
        ["norikv_lsm_tables"] = "lsm.tables",
        ["norikv_lsm_write_stalls_total"] = "lsm.stalls",
        ["norikv_node_apply_backlog_bytes"] = "node.backlog",
        ["norikv_node_disk_full"] = "node.disk_full",
        ["norikv_node_in_flight_bytes"] = "node.in_flight_bytes",
        ["norikv_node_writes_in_flight"] = "node.in_flight",
        ["norikv_peer_connected"] = "peer.up",
        ["norikv_peer_received_bytes_total"] = "peer.received",
        ["norikv_peer_sent_bytes_total"] = "peer.sent",
        ["norikv_raft_apply_lag_entries"] = "raft.apply_lag",
        ["norikv_raft_elections_total"] = "raft.elections",
        ["norikv_raft_groups"] = "raft.groups",
        ["norikv_raft_groups_without_leader"] = "raft.leaderless",
        ["norikv_raft_leader_changes_total"] = "raft.leader_changes",
        ["norikv_raft_uncommitted_entries"] = "raft.uncommitted",
        ["norikv_route_forwards_total"] = "route.forwards",
        ["norikv_swim_failed_members_total"] = "swim.failed",
        ["norikv_swim_flaps_total"] = "swim.flaps",
        ["norikv_swim_members"] = "swim.members",
        ["norikv_swim_probes_total"] = "swim.probes",
        ["norikv_wal_bytes_total"] = "wal.bytes",
        ["norikv_wal_records_total"] = "wal.records",
        ["norikv_wal_segments"] = "wal.segments",
        ["process_cpu_seconds_total"] = "cpu",
        ["process_open_fds"] = "fds",
        ["process_resident_memory_bytes"] = "rss",
        ["dotnet_gc_heap_bytes"] = "gc.heap",
        ["dotnet_gc_pause_seconds_total"] = "gc.pause",
        ["dotnet_threadpool_queue_length"] = "pool.queue",
    };

    private static readonly Dictionary<string, string> Distributions = new(StringComparer.Ordinal)
    {
        ["norikv_kv_write_stage_duration_seconds"] = "stage",
        ["norikv_wal_fsync_duration_seconds"] = "fsync",
        ["norikv_swim_rtt_seconds"] = "swim.rtt",
        ["norikv_lsm_write_stall_duration_seconds"] = "lsm.stall",
    };

    // What an answer says that no operator need look at.
    private static readonly string[] Fine = ["ok", "not_found", "version_mismatch", "already_exists"];

    private readonly Dictionary<string, long> _figures = new(StringComparer.Ordinal);
    private string _family = "";
    private bool _isSeconds;

    private FigureReader()
    {
    }

    /// <summary>What the meter says now.</summary>
    public static Dictionary<string, long> Read(IMetricSource source)
    {
        var reader = new FigureReader();
        source.Visit(reader);
        return reader._figures;
    }

    void IMetricVisitor.Family(string name, string help, MetricKind kind)
    {
        _family = name;
        _isSeconds = name.Contains("_seconds", StringComparison.Ordinal);
    }

    void IMetricVisitor.Number(ReadOnlySpan<Label> labels, long value) => Take(labels, value);

    void IMetricVisitor.Number(ReadOnlySpan<Label> labels, double value) =>
        Take(labels, _isSeconds ? Microseconds(value) : (long)value);

    void IMetricVisitor.Histogram(ReadOnlySpan<Label> labels, HistogramSnapshot snapshot)
    {
        if (_family == Prefix + "kv_request_duration_seconds")
        {
            TakeBuckets(ValueOf(labels, "operation") is "get" or "scan" ? "read" : "write", snapshot);
        }
        else if (Distributions.TryGetValue(_family, out string? name))
        {
            TakeBuckets(labels.IsEmpty ? name : $"{name}.{labels[0].Value}", snapshot);
        }
    }

    private void Take(ReadOnlySpan<Label> labels, long value)
    {
        if (_family == Prefix + "kv_requests_total")
        {
            Add($"ops.{ValueOf(labels, "operation")}", value);
            if (ValueOf(labels, "status") is { } status && !Fine.Contains(status)) Add($"error.{status}", value);
        }
        else if (Plain.TryGetValue(_family, out string? name))
        {
            Add(labels.IsEmpty ? name : $"{name}.{labels[0].Value}", value);
        }
    }

    private void TakeBuckets(string name, HistogramSnapshot snapshot)
    {
        long count = 0;
        for (int i = 0; i < snapshot.Counts.Count; i++)
        {
            count += snapshot.Counts[i];
            if (snapshot.Counts[i] != 0) Add(string.Create(CultureInfo.InvariantCulture, $"{name}.{i}"), snapshot.Counts[i]);
        }

        Add($"{name}.count", count);
        Add($"{name}.sum", Microseconds(snapshot.Sum));
    }

    private void Add(string name, long value) => _figures[name] = _figures.GetValueOrDefault(name) + value;

    private static long Microseconds(double seconds) => (long)(seconds * 1e6);

    private static string? ValueOf(ReadOnlySpan<Label> labels, string name)
    {
        foreach (Label label in labels)
        {
            if (label.Name == name) return label.Value;
        }

        return null;
    }
}
