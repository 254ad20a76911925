using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Log;

/// <summary>Segments, moving entries forward, deleting, watermarks.</summary>
public class SharedLogGarbageTests
{
    private static SharedLog Reopen(SharedLog log, IFileSystem files, out SharedLogRecovery recovery)
    {
        log.Dispose();
        return SharedLog.Open(LogSupport.Options(files), out recovery);
    }

    [Fact]
    public void Moving_entries_5_to_7_forward_behind_8_to_20_does_not_cut_them()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 1, 1, 7, term: 3);
        log.Write(batch => batch.TruncatePrefix(new ShardId(1), new ReplicaId(1), new LogIndex(4), new Term(3)));
        log.Fill(9, 1);
        log.Append(1, 1, 8, 20, term: 3);
        log.Fill(9, 2);
        log.Sync();

        // The group keeps everything; only the filler goes, so 5 to 7 have to move out of the first segment.
        GarbageReport report = log.CollectGarbage(
            ulong.MaxValue, shard => new LogIndex(shard.Value == 9 ? ulong.MaxValue : 0), segmentsMax: 1);
        Assert.Equal(1, report.SegmentsDeleted);
        Assert.Equal(3, report.EntriesRewritten);
        Assert.Equal(LogSupport.Entries(5, 20, 3), log.Read(1));

        log = Reopen(log, files, out SharedLogRecovery recovery);
        Assert.Equal(LogSupport.Entries(5, 20, 3), log.Read(1));
        Assert.Equal(0, recovery.DroppedRecords);
        GroupState state = log.GroupState(new ShardId(1))!.Value;
        Assert.Equal((4UL, 3UL, 20UL), (state.PrefixIndex.Value, state.PrefixTerm.Value, state.LastIndex.Value));
        log.Append(1, 1, 21, 21, term: 4);
        Assert.Equal(new LogIndex(21), log.GroupState(new ShardId(1))!.Value.LastIndex);
        log.Close();
    }

    [Fact]
    public void A_truncation_keeps_the_suffix_although_the_truncated_entries_are_gone_with_their_segment()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 1, 1, 6, term: 5);
        log.Fill(9, 1);
        log.Append(1, 1, 7, 9, term: 5);
        log.Write(batch => batch.TruncatePrefix(new ShardId(1), new ReplicaId(1), new LogIndex(6), new Term(5)));
        log.Fill(9, 1);
        GarbageReport report = log.CollectGarbage(
            ulong.MaxValue, shard => new LogIndex(shard.Value == 9 ? ulong.MaxValue : 0), segmentsMax: 1);
        Assert.Equal(1, report.SegmentsDeleted);
        log = Reopen(log, files, out _);
        Assert.Equal(LogSupport.Entries(7, 9, 5), log.Read(1));
        log.Close();
    }

    [Fact]
    public void A_removal_is_remembered_after_its_segment_is_gone()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 10, 1, 5, term: 1);
        log.Write(batch => batch.Clean(new ShardId(1), new ReplicaId(10)));
        log.Fill(9, 3);
        Assert.Equal(3, log.Collect().SegmentsDeleted);
        log = Reopen(log, files, out _);
        Assert.True(log.GroupState(new ShardId(1))!.Value.IsClean);
        log.Close();
    }

    [Fact]
    public void Watermarks_rise_and_are_durable_with_their_batch()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        ulong last = log.LastWatermark;
        for (ulong i = 1; i <= 200; i++)
        {
            using var batch = new SharedLogBatch();
            batch.Append(new ShardId(1), new ReplicaId(1), new LogIndex(i), new Term(1), new byte[300]);
            ulong watermark = log.Write(batch);
            Assert.True(watermark > last);
            Assert.True(watermark > log.DurableWatermark);
            last = watermark;
            Assert.True(log.TryReadEntry(new ShardId(1), new LogIndex(i), out LogEntry entry));
            Assert.True(entry.Watermark >= watermark);
            if (i % 10 != 0) continue;
            log.Sync();
            Assert.True(watermark <= log.DurableWatermark);
        }

        log = Reopen(log, files, out _);
        Assert.True(log.LastWatermark >= last);
        Assert.True(log.LastWatermark <= log.DurableWatermark);
        Assert.True(log.TryReadEntry(new ShardId(1), new LogIndex(200), out LogEntry found));
        Assert.True(found.Watermark <= log.DurableWatermark);
        log.Close();
    }

    [Fact]
    public void What_the_engine_has_not_flushed_stays()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Fill(1, 1);
        using var batch = new SharedLogBatch();
        ulong next = log.GroupState(new ShardId(1))!.Value.LastIndex.Value + 1;
        batch.Append(new ShardId(1), new ReplicaId(1), new LogIndex(next), new Term(1), "unflushed"u8);
        ulong unflushed = log.Write(batch);
        log.Fill(1, 3);
        GarbageReport report = log.CollectGarbage(unflushed, _ => new LogIndex(ulong.MaxValue), 100);
        Assert.Equal(1, report.SegmentsDeleted);
        Assert.True(report.PinnedByUnflushed > 0);
        Assert.Equal(0, report.PinnedByGroups);
        Assert.True(log.TryReadEntry(new ShardId(1), new LogIndex(next), out _));
        Assert.True(log.GroupState(new ShardId(1))!.Value.FirstIndex.Value <= next);

        report = log.CollectGarbage(ulong.MaxValue, _ => new LogIndex(ulong.MaxValue), 100);
        Assert.Single(log.Segments);
        Assert.Equal(3, report.SegmentsDeleted);
        log.Close();
    }

    [Fact]
    public void A_group_that_keeps_much_pins_the_segment_and_is_named()
    {
        var files = new MemoryFileSystem();
        SharedLogOptions options = LogSupport.Options(files) with { LiveEntriesMax = 5 };
        using SharedLog log = SharedLog.Open(options, out _);
        log.Fill(4, 3);
        Assert.True(log.IsOverBudget);
        Assert.True(log.TryFindLargestGroup(out GroupState largest));
        Assert.Equal(new ShardId(4), largest.Shard);
        GarbageReport report = log.Collect(4);
        Assert.Equal(0, report.SegmentsDeleted);
        Assert.True(report.PinnedByGroups > 0);
        log.Collect();
        Assert.False(log.IsOverBudget);
    }

    [Fact]
    public void Every_segment_begins_with_the_hard_states()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        for (uint shard = 0; shard < 10; shard++)
        {
            log.Write(batch => batch.HardState(
                new ShardId(shard), new ReplicaId(1), new Term(shard + 1), new ReplicaId(2), default));
        }

        log.Fill(99, 3);
        IReadOnlyList<SegmentInfo> segments = log.Segments;
        log.Close();
        using WalLog wal = WalLog.Open(LogSupport.Options(files).ToWal(), out _);
        foreach (SegmentInfo segment in segments.Skip(1))
        {
            using WalReader reader = wal.ReadFrom(new WalPosition(segment.Number, 0));
            for (uint shard = 0; shard < 10; shard++)
            {
                Assert.True(reader.Read());
                Assert.True(LogRecord.TryDecode(reader.Type, reader.Payload, out LogRecord record));
                Assert.Equal(LogRecordKind.HardState, record.Kind);
                Assert.Equal(new Term(shard + 1), record.Term);
            }
        }
    }

    [Fact]
    public void A_thousand_groups_are_found_by_reading_the_log_once()
    {
        var files = new MemoryFileSystem();
        SharedLogOptions options = LogSupport.Options(files, 64 << 20);
        SharedLog log = SharedLog.Open(options, out _);
        for (ulong round = 1; round <= 20; round++)
        {
            log.Write(batch =>
            {
                for (uint shard = 0; shard < 1024; shard++)
                {
                    var replica = new ReplicaId(shard + 1);
                    batch.Append(new ShardId(shard), replica, new LogIndex(round), new Term(1), new byte[100]);
                    batch.HardState(new ShardId(shard), replica, new Term(1), replica, new LogIndex(round));
                }
            });
        }

        log.Close();
        var counting = new FaultInjectingFileSystem(files);
        log = SharedLog.Open(options with { FileSystem = counting }, out SharedLogRecovery recovery);
        Assert.Equal(1024, recovery.Groups);
        Assert.Equal(20 * 1024, recovery.Entries);
        log.Close();

        // In pieces, not a group or an entry at a time: that is what keeps a start short.
        Assert.InRange(counting.Calls(FileOperation.Read), 1, 1024);
    }

    [Fact]
    public void A_full_disk_refuses_the_batch_and_keeps_the_index()
    {
        var files = new MemoryFileSystem { CapacityBytes = 40 << 10 };
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        StorageException full = Assert.Throws<StorageException>(() =>
        {
            for (ulong i = 1; i < 1000; i++) log.Append(1, 1, i, i, term: 1, new string('x', 500));
        });
        Assert.True(full.IsDiskFull);
        ulong last = log.GroupState(new ShardId(1))!.Value.LastIndex.Value;
        files.CapacityBytes = 200 << 10;
        log.Append(1, 1, last + 1, last + 1, term: 1, new string('x', 500));
        log.Sync();
        log = Reopen(log, files, out _);
        Assert.Equal(LogSupport.Entries(1, last + 1, 1, new string('x', 500)), log.Read(1));
        log.Close();
    }
}
