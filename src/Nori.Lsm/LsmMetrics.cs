using System.Globalization;
using Nori.Observe;

namespace Nori.Lsm;

/// <summary>
/// The engine's measurements, under the names of the wire contract without the exporter's prefix.
/// </summary>
internal sealed class LsmMetrics
{
    private readonly Histogram[] _compactionSeconds;
    private readonly Histogram _flushSeconds;
    private readonly Histogram _stallSeconds;

    public LsmMetrics(LsmEngine engine, LsmOptions options)
    {
        IMeter meter = options.Meter;
        _compactionSeconds = new Histogram[options.Levels];
        for (int level = 0; level < options.Levels; level++)
        {
            int at = level;
            string name = level.ToString(CultureInfo.InvariantCulture);
            _compactionSeconds[level] = meter.Histogram(
                "lsm_compaction_duration_seconds", "Time of one compaction, by output level.", Buckets.LongWork,
                new Label("level", name), new Label("result", "ok"));
            meter.ObservableGauge("lsm_tables", "Tables by level.", () => engine.TablesOf(at), new Label("level", name));
            meter.ObservableGauge("lsm_level_bytes", "Bytes of tables by level.", () => engine.BytesOf(at), new Label("level", name));
        }

        _flushSeconds = meter.Histogram("lsm_flush_duration_seconds", "Time to write one memtable as a table.", Buckets.LongWork);
        _stallSeconds = meter.Histogram(
            "lsm_write_stall_duration_seconds", "Time one write waited for background work.", Buckets.LongWork);

        meter.ObservableCounter("lsm_flushed_bytes_total", "Bytes of tables that flushes wrote.", () => engine.FlushedBytes);
        meter.ObservableCounter(
            "lsm_compaction_read_bytes_total", "Bytes that compactions read.", () => engine.CompactionReadBytes);
        meter.ObservableCounter(
            "lsm_compaction_written_bytes_total", "Bytes that compactions wrote.", () => engine.CompactionWrittenBytes);
        meter.ObservableCounter("lsm_user_bytes_total", "Bytes of keys and values written.", () => engine.UserBytes);
        meter.ObservableGauge(
            "lsm_immutable_memtables", "Full memtables that wait for their flush.", () => engine.ImmutableMemtables);
        meter.ObservableGauge("lsm_block_cache_bytes", "Bytes in the block cache.", () => engine.CacheBytes);
        meter.ObservableGauge(
            "lsm_block_cache_capacity_bytes", "Bytes that the block cache may take.", () => options.BlockCacheBytes);
        meter.ObservableCounter(
            "lsm_expired_entries_total", "Entries that flushes and compactions found expired.", () => engine.ExpiredEntries);
        meter.ObservableGauge("lsm_open_tables", "Tables that are open.", () => engine.OpenTables.Tables);
        meter.ObservableGauge("lsm_disk_full", "1 while the engine waits for space.", () => engine.IsDiskFull ? 1 : 0);
        meter.ObservableGauge("lsm_memtable_bytes", "Bytes in memtables.", () => engine.MemtableBytes);
        meter.ObservableGauge(
            "lsm_compaction_debt_bytes", "Bytes that wait for compaction.", () => engine.CompactionDebtBytes);
        meter.ObservableCounter(
            "lsm_block_cache_hits_total", "Reads that found their block in the cache.", () => engine.CacheHits);
        meter.ObservableCounter(
            "lsm_block_cache_misses_total", "Reads that did not find their block in the cache.", () => engine.CacheMisses);
        meter.ObservableCounter("lsm_write_stalls_total", "Writes that waited for background work.", () => engine.Stalls);
        meter.ObservableCounter("lsm_scrubbed_bytes_total", "Bytes that scrubs read.", () => engine.ScrubbedBytes);
        meter.ObservableGauge(
            "lsm_damaged_tables", "Tables that are set apart because a part of them cannot be read.", () => engine.DamagedTables.Count);
        meter.ObservableCounter(
            "lsm_scrub_damages_total", "Damages that scrubs found, each time anew.", () => engine.ScrubDamages);
    }

    public void NoteCompaction(int level, TimeSpan elapsed) => _compactionSeconds[level].Record(elapsed.TotalSeconds);

    public void NoteFlush(TimeSpan elapsed) => _flushSeconds.Record(elapsed.TotalSeconds);

    public void NoteStall(TimeSpan elapsed) => _stallSeconds.Record(elapsed.TotalSeconds);
}
