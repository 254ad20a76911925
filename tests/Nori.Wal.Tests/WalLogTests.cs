using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.Wal.Tests;

public class WalLogTests
{
    [Fact]
    public void A_new_log_is_empty_and_reopens_empty()
    {
        var files = new MemoryFileSystem();
        using (WalLog log = WalLog.Open(Support.Options(files), out RecoveryReport report))
        {
            Assert.Equal(0, report.Records);
            Assert.Empty(Support.ReadTexts(log));
            log.Close();
        }

        using WalLog again = WalLog.Open(Support.Options(files), out RecoveryReport second);
        Assert.True(second.CleanShutdown);
        Assert.Equal(0, second.TornTailBytes);
        Assert.Single(again.Segments);
    }

    [Fact]
    public void Records_are_read_back_in_order_before_and_after_reopening()
    {
        var files = new MemoryFileSystem();
        WalLog log = WalLog.Open(Support.Options(files), out _);
        Support.Append(log, "a", "b");
        WalPosition third = Support.Append(log, "c");
        Assert.Equal(["a", "b", "c"], Support.ReadTexts(log));
        Assert.Equal(["c"], Support.ReadTexts(log, third));
        log.Sync();
        log.Close();

        var replay = new Replay();
        using WalLog again = WalLog.Open(Support.Options(files), out RecoveryReport report, replay);
        Assert.Equal(["a", "b", "c"], Support.ReadTexts(again));
        Assert.Equal(["c"], Support.ReadTexts(again, third));
        Assert.Equal(3, report.Records);
        Assert.Equal(3, replay.Records.Count);
        Assert.Equal(third, replay.Records[2].Position);
        Support.Append(again, "d");
        Assert.Equal(["c", "d"], Support.ReadTexts(again, third));
    }

    [Fact]
    public void A_position_inside_a_batch_reads_from_that_record()
    {
        var files = new MemoryFileSystem();
        using WalLog log = WalLog.Open(Support.Options(files), out _);
        using var batch = new WalBatch();
        for (int i = 0; i < 10; i++) batch.Add((byte)i, [(byte)i, 1, 2]);
        log.Append(batch);
        for (int i = 0; i < 10; i++)
        {
            Assert.True(log.TryRead(batch.PositionOf(i), batch.StoredBytesOf(i), out WalRecord record));
            Assert.Equal(i, record.Type);
            Assert.Equal([(byte)i, 1, 2], record.Payload.ToArray());
            Assert.True(log.TryRead(batch.PositionOf(i), -1, out record));
            Assert.Equal([(byte)i, 1, 2], record.Payload.ToArray());
            using WalReader reader = log.ReadFrom(batch.PositionOf(i));
            Assert.True(reader.Read());
            Assert.Equal(batch.PositionOf(i), reader.Position);
        }
    }

    [Fact]
    public void Segments_roll_are_deleted_oldest_first_and_recycled_without_replaying_their_old_records()
    {
        var files = new MemoryFileSystem();
        var prng = new Prng(11);
        WalOptions options = Support.Options(files, 32 << 10);
        WalLog log = WalLog.Open(options, out _);
        List<(WalPosition Position, byte[] Payload)> model = [];
        for (int i = 0; i < 3000; i++)
        {
            byte[] payload = Support.Payload(prng);
            using var batch = new WalBatch();
            batch.Add(2, payload);
            model.Add((log.Append(batch), payload));
            if (prng.Chance(0.1)) log.Sync();
            if (log.Segments.Count > 4)
            {
                WalPosition before = model[prng.NextInt(model.Count)].Position;
                log.DeleteSegmentsBefore(before);
                model.RemoveAll(entry => entry.Position.Segment < before.Segment);
            }

            if (prng.Chance(0.01))
            {
                // Without closing: a crash of the process.
                log.Dispose();
                log = WalLog.Open(options, out RecoveryReport report);
                Assert.Equal(model.Count, report.Records);
            }
        }

        Assert.Contains(files.List(Support.Directory), name => name.EndsWith(".free", StringComparison.Ordinal));
        Assert.Equal(model.Select(entry => entry.Position), Support.ReadAll(log).Select(entry => entry.Position));
        Assert.Equal(model.Select(entry => entry.Payload), Support.ReadAll(log).Select(entry => entry.Payload));
        Assert.False(log.TryRead(new WalPosition(1, WalFormat.FirstBatchOffset + 48), -1, out _));
        log.Close();
    }

    [Fact]
    public void Whoever_wants_to_begin_with_what_was_deleted_is_told()
    {
        using WalLog log = WalLog.Open(Support.Options(new MemoryFileSystem(), 16 << 10), out _);
        WalPosition first = Support.Append(log, "deleted");
        log.Roll();
        Support.Append(log, "kept");
        log.DeleteSegmentsBefore(log.End);
        using WalReader reader = log.ReadFrom(first);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => reader.Read());
        Assert.Contains("begins with segment 2", e.Message, StringComparison.Ordinal);
        Assert.Equal(["kept"], Support.ReadTexts(log));
    }

    [Fact]
    public void A_header_whose_length_no_batch_can_have_is_none()
    {
        foreach ((int body, bool counts) in new[] { (1 << 30, true), ((1 << 30) + 8, false), (int.MaxValue - 7, false) })
        {
            byte[] bytes = new byte[WalFormat.BatchHeaderBytes];
            new BatchHeader(7, 8192, body, 1, BatchFlags.None, default).Encode(bytes);
            Assert.Equal(counts, BatchHeader.TryDecode(bytes, 7, 8192, out _));
        }
    }

    [Fact]
    public void Records_of_a_recycled_file_never_come_back_even_where_the_new_end_meets_an_old_batch()
    {
        // L5: the segment is filled with equal batches, so that old batches lie exactly where the new log ends.
        var files = new MemoryFileSystem();
        WalOptions options = Support.Options(files, 16 << 10) with { RecycledSegmentsMax = 4 };
        WalLog log = WalLog.Open(options, out _);
        while (log.Segments.Count < 3) Support.Append(log, "old old old old!");
        log.Sync();
        log.DeleteSegmentsBefore(log.End);
        int free = files.List(Support.Directory).Count(name => name.EndsWith(".free", StringComparison.Ordinal));
        Assert.Equal(2, free);
        log.Roll();
        for (int i = 0; i < 5; i++) Support.Append(log, "new new new new!");
        log.Sync();
        log.Dispose();

        using WalLog again = WalLog.Open(options, out RecoveryReport report);
        Assert.Equal(0, report.TornTailBytes);
        Assert.DoesNotContain("old old old old!", Support.ReadTexts(again, new WalPosition(4, 0)));
        Assert.Equal(5, Support.ReadTexts(again, new WalPosition(4, 0)).Count);
    }

    [Fact]
    public void A_batch_behind_a_tear_never_comes_back_even_where_the_new_end_meets_it()
    {
        // Three equal batches, none synced; the crash tears the second and keeps the third. What is appended next has the same
        // length, so that its end is exactly where the third begins.
        var files = new MemoryFileSystem();
        WalLog log = WalLog.Open(Support.Options(files), out _);
        Support.Append(log, "batch 1");
        WalPosition second = Support.Append(log, "batch 2");
        Support.Append(log, "batch 3");
        log.Dispose();
        files.Corrupt($"{Support.Directory}/{1:D20}.wal", second.Offset, 0x55);

        log = WalLog.Open(Support.Options(files), out RecoveryReport report);
        Assert.True(report.TornTailBytes > 0);
        Support.Append(log, "batch 4");
        log.Sync();
        log.Dispose();
        using WalLog again = WalLog.Open(Support.Options(files), out _);
        Assert.Equal(["batch 1", "batch 4"], Support.ReadTexts(again));
    }

    [Fact]
    public void A_crash_while_what_lies_behind_a_tear_is_deleted_leaves_no_hole()
    {
        // Five segments, nothing of them synced; the first is torn in the middle.
        var torn = new MemoryFileSystem();
        WalOptions options = Support.Options(torn, 16 << 10) with { Sync = SyncPolicy.Os };
        WalLog log = WalLog.Open(options, out _);
        List<WalPosition> positions = [];
        for (int i = 0; log.Segments.Count < 5; i++) positions.Add(Support.Append(log, $"{i} {new string('x', 1000)}"));
        log.Dispose();
        torn.Corrupt($"{Support.Directory}/{1:D20}.wal", positions[3].Offset, 0x55);

        bool reached = true;
        for (int k = 0; reached; k++)
        {
            MemoryFileSystem files = torn.Clone();
            MemoryFileSystem? crashed = null;
            var faults = new FaultInjectingFileSystem(files);
            faults.Add(new FaultRule { Errno = 0, AfterCalls = k, Action = _ => crashed = files.Crash(1, CrashMode.ProcessOnly) });
            WalLog.Open(options with { FileSystem = faults }, out _).Dispose();
            reached = crashed is not null;
            using WalLog again = WalLog.Open(options with { FileSystem = crashed ?? files }, out _);
            Assert.Equal(["0", "1", "2"], Support.ReadTexts(again).Select(static text => text.Split(' ')[0]));
        }
    }

    [Fact]
    public void A_file_kept_for_reuse_whose_header_is_damaged_is_deleted()
    {
        // Its records could be of any epoch.
        var files = new MemoryFileSystem();
        WalLog log = WalLog.Open(Support.Options(files, 16 << 10), out _);
        while (log.Segments.Count < 3) Support.Append(log, new string('x', 1000));
        Assert.Equal(2, log.DeleteSegmentsBefore(log.End));
        log.Close();
        string[] free = [.. files.List(Support.Directory).Where(static name => name.EndsWith(".free", StringComparison.Ordinal))];
        string damaged = $"{Support.Directory}/{free[0]}";
        files.Corrupt(damaged, 20, 1);
        files.Corrupt(damaged, WalFormat.HeaderCopyOffset + 20, 1);
        WalLog.Open(Support.Options(files, 16 << 10), out _).Dispose();
        Assert.False(files.FileExists(damaged));
        Assert.True(files.FileExists($"{Support.Directory}/{free[1]}"));
    }

    [Fact]
    public void A_batch_refused_for_lack_of_space_does_not_come_back()
    {
        var memory = new MemoryFileSystem();
        var files = new FaultInjectingFileSystem(memory);
        WalLog log = WalLog.Open(Support.Options(files) with { ZeroAheadBytesMax = 0 }, out _);
        Support.Append(log, "kept");
        files.Add(new FaultRule { Operation = FileOperation.Write, Errno = Errno.NoSpace, PartialBytes = 1000 });
        Assert.Throws<StorageException>(() => Support.Append(log, "refused"));
        using (WalLog killed = WalLog.Open(Support.Options(memory.Crash(1, CrashMode.ProcessOnly)), out _))
        {
            Assert.Equal(["kept"], Support.ReadTexts(killed));
        }

        Support.Append(log, "later");
        Assert.Equal(["kept", "later"], Support.ReadTexts(log));
        log.Close();
    }

    [Fact]
    public void A_batch_larger_than_a_segment_gets_one_for_itself()
    {
        var files = new MemoryFileSystem();
        WalOptions options = Support.Options(files, 16 << 10);
        WalLog log = WalLog.Open(options, out _);
        Support.Append(log, "small");
        string large = new('x', 100_000);
        Support.Append(log, large);
        Support.Append(log, "small again");
        Assert.Equal(3, log.Segments.Count);
        log.Sync();
        log.Dispose();
        using WalLog again = WalLog.Open(options, out _);
        Assert.Equal(["small", large, "small again"], Support.ReadTexts(again));
    }

    [Fact]
    public void Opening_an_unclean_log_again_and_again_adds_no_segments()
    {
        var files = new MemoryFileSystem();
        WalLog log = WalLog.Open(Support.Options(files), out _);
        Support.Append(log, "a");
        log.Sync();
        for (int i = 0; i < 20; i++)
        {
            log.Dispose();
            log = WalLog.Open(Support.Options(files), out RecoveryReport report);
            Assert.False(report.CleanShutdown);
        }

        Assert.Single(log.Segments);
        log.Dispose();
    }

    [Fact]
    public void Deleting_keeps_the_current_segment()
    {
        var files = new MemoryFileSystem();
        using WalLog log = WalLog.Open(Support.Options(files), out _);
        Support.Append(log, "a");
        Assert.Equal(0, log.DeleteSegmentsBefore(new WalPosition(ulong.MaxValue, 0)));
        log.Roll();
        Support.Append(log, "b");
        Assert.Equal(1, log.DeleteSegmentsBefore(new WalPosition(ulong.MaxValue, 0)));
        Assert.Equal(["b"], Support.ReadTexts(log));
    }

    [Fact]
    public void Two_logs_cannot_share_a_directory()
    {
        var files = new MemoryFileSystem();
        using WalLog log = WalLog.Open(Support.Options(files), out _);
        Assert.Throws<DirectoryLockedException>(() => WalLog.Open(Support.Options(files), out _));
    }

    [Theory]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public void Compressed_payloads_come_back_as_they_were(CompressionType compression)
    {
        Assert.SkipUnless(BlockCodecs.IsAvailable(compression), $"the library of {compression} is not installed");
        var files = new MemoryFileSystem();
        WalLog log = WalLog.Open(Support.Options(files), out _);
        using var batch = new WalBatch(compression, 100);
        byte[] compressible = new byte[5000];
        byte[] random = new byte[5000];
        new Prng(3).Fill(random);
        batch.Add(1, compressible);
        batch.Add(2, random);
        batch.Add(3, "short"u8);
        batch.Add(4, []);
        Assert.True(batch.Bytes < 6000);
        log.Append(batch);
        Assert.True(log.TryRead(batch.PositionOf(0), batch.StoredBytesOf(0), out WalRecord record));
        Assert.Equal(compressible, record.Payload.ToArray());
        log.Close();

        var replay = new Replay();
        using WalLog again = WalLog.Open(Support.Options(files), out _, replay);
        byte[][] expected = [compressible, random, "short"u8.ToArray(), []];
        Assert.Equal(expected, replay.Records.Select(entry => entry.Payload));
        Assert.Equal(expected, Support.ReadAll(again).Select(entry => entry.Payload));
    }

    [Fact]
    public void Batches_that_are_empty_or_too_large_are_the_callers_mistake()
    {
        var files = new MemoryFileSystem();
        using WalLog log = WalLog.Open(Support.Options(files), out _);
        using var batch = new WalBatch();
        Assert.Throws<ArgumentException>(() => log.Append(batch));
        batch.Add(0, new byte[3 << 20]);
        Assert.Throws<ArgumentException>(() => log.Append(batch));
        Assert.Throws<InvalidOperationException>(() => batch.PositionOf(0));
        Assert.Null(log.Failure);
    }

    [Fact]
    public void Options_name_every_problem()
    {
        WalOptions options = Support.Options(new MemoryFileSystem()) with
        {
            SegmentBytes = 1, QueueBytesMax = 0, IdleMarkDelay = TimeSpan.MaxValue,
        };
        Assert.Equal(3, options.Validate().Count);
        Assert.Throws<ArgumentException>(() => WalLog.Open(options, out _));
    }

    [Fact]
    public void A_log_on_the_real_disk_works_the_same()
    {
        string directory = Path.Combine(Path.GetTempPath(), "nori-wal-" + Guid.NewGuid().ToString("N"));
        try
        {
            WalOptions options = Support.Options(DiskFileSystem.Instance, 32 << 10) with { Directory = directory };
            WalLog log = WalLog.Open(options, out _);
            for (int i = 0; i < 1000; i++)
            {
                Support.Append(log, $"record {i} {new string('.', i % 200)}");
                if (i % 100 == 0) log.Sync();
            }

            log.DeleteSegmentsBefore(new WalPosition(2, 0));
            log.Close();
            using WalLog again = WalLog.Open(options, out RecoveryReport report);
            Assert.True(report.CleanShutdown);
            Assert.EndsWith(new string('.', 999 % 200), Support.ReadTexts(again)[^1], StringComparison.Ordinal);
            again.Roll();
            Support.Append(again, "into a recycled file");
            Assert.Equal("into a recycled file", Support.ReadTexts(again)[^1]);
        }
        finally
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData(FileOperation.SyncDirectory, "*")]
    [InlineData(FileOperation.Open, "*.wal")]
    public void A_new_segment_that_has_its_name_but_fails_behind_it_fails_the_log(FileOperation operation, string files)
    {
        var memory = new MemoryFileSystem();
        var faulty = new FaultInjectingFileSystem(memory);
        var acknowledged = new List<string>();
        using (WalLog log = WalLog.Open(Support.Options(faulty, 16 << 10), out _))
        {
            faulty.Add(new FaultRule { Operation = operation, PathPattern = files, Errno = Errno.NoSpace });
            for (int i = 0; i < 60 && log.Failure is null; i++)
            {
                string text = $"{i} " + new string('x', 1000);
                try
                {
                    Support.Append(log, text);
                    log.Sync();
                    acknowledged.Add(text);
                    // A small one still fits the old segment, behind where the new segment's header says that it ends.
                    Support.Append(log, "small");
                    log.Sync();
                    acknowledged.Add("small");
                }
                catch (StorageException e) when (e.IsDiskFull)
                {
                    Support.Append(log, "small");
                    log.Sync();
                    acknowledged.Add("small");
                    break;
                }
                catch (WalFailedException)
                {
                    // The name is there, perhaps durably: what is appended before it now would be lost.
                }
            }
        }

        using WalLog again = WalLog.Open(Support.Options(memory.Crash(1, CrashMode.ProcessOnly)), out _);
        Assert.Equal(acknowledged, Support.ReadTexts(again).Take(acknowledged.Count));
    }
}
