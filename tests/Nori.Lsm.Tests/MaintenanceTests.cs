using Nori.Compression;
using Nori.IO;
using Nori.SSTable;

namespace Nori.Lsm.Tests;

public sealed class MaintenanceTests
{
    private readonly MemoryFileSystem _files = new(6);

    [Fact]
    public async Task A_checkpoint_is_an_engine_of_its_own_and_survives_a_power_loss_at_once()
    {
        using var scope = new LsmEngineScope(Options());
        for (int i = 0; i < 100; i++) Put(scope.Engine, i, "before");
        SortedDictionary<string, string> expected = Workload.Read(scope.Engine);
        Workload.Wait(scope.Engine.CheckpointAsync("/copy"), scope.Engine);
        MemoryFileSystem crashed = _files.Crash(3);
        for (int i = 0; i < 100; i++) Put(scope.Engine, i, "after");
        Workload.Wait(scope.Engine.CompactRangeAsync(), scope.Engine);

        using (var copy = new LsmEngineScope(Options() with { Directory = "/copy" }))
        {
            Assert.Equal(expected, Workload.Read(copy.Engine));
            Put(copy.Engine, 1, "the copy's");
        }

        using (var copy = new LsmEngineScope(Options(crashed) with { Directory = "/copy" }))
            Assert.Equal(expected, Workload.Read(copy.Engine));
        Assert.Equal("after", Keys.Show(scope.Engine.Get(Keys.Number(1))!.Value.Value.Span));
        await Assert.ThrowsAsync<ArgumentException>(() => scope.Engine.CheckpointAsync("/copy"));
    }

    // What is ingested while the checkpoint flushes is newer than what is written while it flushes.
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_checkpoint_never_has_what_was_ingested_without_what_was_acknowledged_before_it(int times)
    {
        var files = new FaultInjectingFileSystem(_files);
        using var scope = new LsmEngineScope(Options(files));
        LsmEngine engine = scope.Engine;
        Put(engine, 1, "flushed");
        int done = 0;
        bool within = false;
        files.Add(new FaultRule
        {
            Operation = FileOperation.Create, PathPattern = "*.sst", Errno = 0, Times = FaultRule.Forever,
            Action = call =>
            {
                if (within || done == times || !call.Path.StartsWith("/db/", StringComparison.Ordinal)) return;
                within = true;
                done++;
                Put(engine, 100 + done, "acknowledged");
                Workload.Wait(engine.IngestAsync([Table(200 + done, 200 + done)]), engine);
                within = false;
            },
        });
        Workload.Wait(engine.CheckpointAsync("/copy"), engine);
        Assert.InRange(done, 1, times);
        using var copy = new LsmEngineScope(Options() with { Directory = "/copy" });
        for (int i = 1; i <= times; i++)
            Assert.Equal(copy.Engine.Get(Keys.Number(200 + i)) is null, copy.Engine.Get(Keys.Number(100 + i)) is null);
    }

    [Theory]
    [InlineData(Errno.NoSpace)]
    [InlineData(Errno.IO)]
    public void A_checkpoint_that_fails_leaves_nothing_in_the_way_of_the_next(int errno)
    {
        bool reached = true;
        int failed = 0;
        for (int k = 0; reached; k++)
        {
            var memory = new MemoryFileSystem((ulong)k);
            var files = new FaultInjectingFileSystem(memory);
            using var scope = new LsmEngineScope(Options(files));
            for (int i = 0; i < 60; i++) Put(scope.Engine, i, new string('v', 40));
            Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
            FaultRule rule = files.Add(new FaultRule
            {
                Operation = FileOperation.Mutations & ~FileOperation.Delete, PathPattern = "/copy*", Errno = errno, AfterCalls = k,
            });
            try
            {
                Workload.Wait(scope.Engine.CheckpointAsync("/copy"), scope.Engine);
            }
            catch (StorageException)
            {
                failed++;
                if (memory.DirectoryExists("/copy")) Assert.Empty(memory.List("/copy"));
                Workload.Wait(scope.Engine.CheckpointAsync("/copy"), scope.Engine);
            }

            reached = rule.Matches > k;
            Assert.Null(scope.Engine.Stats.Failure);
            using var copy = new LsmEngineScope(Options(memory) with { Directory = "/copy" });
            Assert.Equal(60, Workload.Read(copy.Engine).Count);
        }

        Assert.True(failed > 8, $"only {failed} calls");
    }

    [Fact]
    public void Without_its_log_an_engine_opens_only_when_the_log_holds_nothing_that_no_table_does()
    {
        LsmOptions without = Options() with { WriteAheadLog = LsmWalMode.None };
        using (var scope = new LsmEngineScope(Options())) Put(scope.Engine, 1, "logged");
        ArgumentException refused = Assert.Throws<ArgumentException>(() => LsmEngine.Open(without));
        Assert.Contains("1 writes", refused.Message, StringComparison.Ordinal);
        using (var scope = new LsmEngineScope(Options()))
        {
            Assert.Equal("logged", Keys.Show(scope.Engine.Get(Keys.Number(1))!.Value.Value.Span));
            Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
        }

        using (var scope = new LsmEngineScope(without))
        {
            Put(scope.Engine, 1, "later");
            Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
        }

        using (var scope = new LsmEngineScope(Options()))
            Assert.Equal("later", Keys.Show(scope.Engine.Get(Keys.Number(1))!.Value.Value.Span));
    }

    [Fact]
    public void The_greatest_sizes_mean_one_step_and_one_table()
    {
        using var scope = new LsmEngineScope(Options() with { CompactionStepBytes = long.MaxValue, TargetFileBytes = long.MaxValue });
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 40; i++) Put(scope.Engine, i, $"v{round}");
            var batch = new WriteBatch();
            batch.Delete(Keys.Number(0));
            scope.Engine.Write(batch);
            Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
        }

        Task compacted = scope.Engine.CompactRangeAsync();
        for (int step = 0; step < 100 && !compacted.IsCompleted; step++) scope.Engine.RunOnce();
        Assert.True(compacted.IsCompletedSuccessfully);
        Assert.Equal(1, scope.Engine.Stats.Levels.Sum(static level => level.Tables));
        Assert.Equal(39, Workload.Read(scope.Engine).Count);
    }

    [Fact]
    public void An_enumeration_that_ends_before_it_began_gives_the_walk_back()
    {
        using var scope = new LsmEngineScope(Options());
        Put(scope.Engine, 1, "v");
        LsmIterator walk = scope.Engine.Scan(ScanRange.All);
        walk.GetEnumerator().Dispose();
        Assert.Throws<ObjectDisposedException>(() => walk.MoveNext());
        Assert.Equal(["v"], scope.Engine.Scan(ScanRange.All).Select(static e => Keys.Show(e.Value.Span)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_idle_engine_notes_how_far_its_log_is_durable_so_that_damage_there_is_no_torn_tail(bool threads)
    {
        LsmOptions options = Options() with { MemtableBytes = 1 << 20, RunBackground = threads };
        using var scope = new LsmEngineScope(options);
        Put(scope.Engine, 1, "synced");
        string log = $"/db/wal/{_files.List("/db/wal").Single(static n => n.EndsWith(".wal", StringComparison.Ordinal))}";
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        MemoryFileSystem damaged;
        do
        {
            patience.Token.ThrowIfCancellationRequested();
            if (threads) await Task.Delay(20, patience.Token);
            else for (int i = 0; i < 3; i++) scope.Engine.RunOnce();
            damaged = _files.Clone();
            damaged.Corrupt(log, 8192 + 48 + 20, 0x10);
        }
        while (Opens(damaged) && threads);
        Assert.False(Opens(damaged));

        bool Opens(MemoryFileSystem files)
        {
            try
            {
                using var again = new LsmEngineScope(options with { FileSystem = files, RunBackground = false });
                return true;
            }
            catch (CorruptionException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void Options_that_would_fail_a_flush_or_the_log_are_named_before_anything_is_opened()
    {
        const CompressionType unknown = (CompressionType)99;
        foreach (LsmOptions options in new[]
        {
            Options() with { Compression = unknown },
            Options() with { CompressionByLevel = [CompressionType.None, unknown] },
            Options() with { WalSegmentBytes = (16 << 10) - 1 },
            Options() with { WalSegmentBytes = (2L << 30) + 1 },
            Options() with { DiskFullRetry = TimeSpan.FromDays(25) },
        })
        {
            Assert.Single(options.Validate());
            Assert.Throws<ArgumentException>(() => LsmEngine.Open(options));
            Assert.False(_files.DirectoryExists(options.Directory));
        }
    }

    [Fact]
    public void The_longest_key_with_the_longest_value_fits_the_default_batch()
    {
        byte[] key = new byte[WriteBatch.KeyBytesMax], value = new byte[WriteBatch.ValueBytesMax];
        using var scope = new LsmEngineScope(new LsmOptions { Directory = "/db", FileSystem = _files, RunBackground = false });
        Workload.Wait(scope.Engine.PutAsync(key, value, TimeSpan.FromDays(1)).AsTask(), scope.Engine);
        Assert.Equal(value.Length, scope.Engine.Get(key)!.Value.Value.Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_key_or_a_value_is_as_long_as_documented_and_not_a_byte_longer(bool expires)
    {
        byte[] longKey = new byte[WriteBatch.KeyBytesMax + 1], longValue = new byte[WriteBatch.ValueBytesMax + 1];
        ReadOnlyMemory<byte> key = longKey.AsMemory(1), value = longValue.AsMemory(1);
        TimeSpan? ttl = expires ? TimeSpan.FromDays(1) : null;
        using var scope = new LsmEngineScope(new LsmOptions { Directory = "/db", FileSystem = _files, RunBackground = false });
        LsmEngine engine = scope.Engine;
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = engine.PutAsync(longKey, value, ttl).AsTask(); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = engine.PutAsync(key, longValue, ttl).AsTask(); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = engine.DeleteAsync(longKey).AsTask(); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = engine.DeleteRangeAsync(default, longKey).AsTask(); });
        var batch = new WriteBatch();
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Put(key.Span, longValue, expires ? long.MaxValue : 0));
        Assert.Equal(0, batch.Count);
        Assert.Empty(engine.Scan(ScanRange.All));

        batch.Put(key.Span, value.Span, expires ? long.MaxValue : 0);
        engine.Write(batch);
        Workload.Wait(engine.PutAsync(key, value, ttl).AsTask(), engine);
        Workload.Wait(engine.DeleteRangeAsync(default, key).AsTask(), engine);
        Workload.Wait(engine.FlushAsync(), engine);
        Assert.Equal(WriteBatch.ValueBytesMax, engine.Get(key.Span)!.Value.Value.Length);
        Workload.Wait(engine.DeleteAsync(key).AsTask(), engine);
        Assert.Null(engine.Get(key.Span));
    }

    [Fact]
    public void Level_0_is_compacted_beside_a_compaction_that_was_asked_for_and_that_comes_to_its_end()
    {
        const int SlowdownTrigger = 4;
        var files = new FaultInjectingFileSystem(_files);
        using var scope = new LsmEngineScope(Options(files) with
        {
            MemtableBytes = 1 << 16, L0CompactionTrigger = 3, L0SlowdownTrigger = SlowdownTrigger, L0StopTrigger = 5,
        });
        LsmEngine engine = scope.Engine;
        string[] model = new string[200];
        for (int i = 0; i < model.Length; i++) Write(i, "first");
        Workload.Wait(engine.CompactRangeAsync(), engine);
        for (int i = 0; i < model.Length; i += 2) Write(i, "second");
        Workload.Wait(engine.FlushAsync(), engine);

        // At each table that a compaction begins, one more in level 0, until writes would be slowed.
        int flushed = 0;
        bool within = false;
        files.Add(new FaultRule
        {
            Operation = FileOperation.Create, PathPattern = "*.sst", Errno = 0, Times = FaultRule.Forever,
            Action = _ =>
            {
                if (within || flushed == 400 || engine.Stats.Levels[0].Tables >= SlowdownTrigger) return;
                within = true;
                flushed++;
                for (int j = 0; j < 12; j++) Write(((flushed * 37) + (j * 17)) % model.Length, $"meanwhile {flushed}");
                Workload.Wait(engine.FlushAsync(), engine);
                within = false;
            },
        });
        Task asked = engine.CompactRangeAsync();
        Assert.True(asked.IsCompletedSuccessfully, $"it is {asked.Status}: {asked.Exception}");
        files.ClearRules();
        Assert.InRange(flushed, 2 * SlowdownTrigger, 399);
        for (int i = 0; i < model.Length; i++) Assert.Equal(model[i], Keys.Show(engine.Get(Keys.Number(i))!.Value.Value.Span));

        void Write(int i, string what) => Put(engine, i, model[i] = $"{what} {i}" + new string('v', 60));
    }

    [Fact]
    public async Task Behind_the_end_the_state_is_refused_by_name()
    {
        var engine = LsmEngine.Open(Options());
        await engine.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => engine.Stats);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_walk_that_met_a_failing_read_never_ends_as_if_that_were_all(bool reverse)
    {
        var files = new FaultInjectingFileSystem(_files);
        using var scope = new LsmEngineScope(Options(files));
        for (int i = 0; i < 200; i++) Put(scope.Engine, i, new string('v', 40));
        Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
        int failures = 0;
        for (int k = 0; ; k++)
        {
            using LsmIterator walk = scope.Engine.Scan(new ScanRange { Start = Keys.Number(0), Reverse = reverse });
            FaultRule rule = files.Add(new FaultRule { Operation = FileOperation.Read, AfterCalls = k });
            int found = 0;
            try
            {
                while (walk.MoveNext()) found++;
            }
            catch (StorageException)
            {
                failures++;
                Assert.Throws<InvalidOperationException>(() => walk.MoveNext());
                walk.Seek(Keys.Number(reverse ? 199 : 0));
                for (found = 0; walk.MoveNext();) found++;
            }

            files.ClearRules();
            Assert.Equal(200, found);
            if (rule.Matches <= k) break;
        }

        Assert.InRange(failures, 20, 1000);
    }

    [Fact]
    public void Ingested_tables_are_newer_than_what_was_and_older_than_what_comes()
    {
        using var scope = new LsmEngineScope(Options());
        LsmEngine engine = scope.Engine;
        for (int i = 0; i < 10; i++) Put(engine, i, "old");
        LsmSnapshot before = engine.Snapshot();
        string a = Table(1, 3, deleteFrom: 0, deleteTo: 6), b = Table(7, 9);
        Workload.Wait(engine.IngestAsync([a, b]), engine);
        Put(engine, 2, "newer");
        // 0, 4 and 5 were deleted by the table's range; its own keys were not.
        string[] expected =
            ["k000001=in", "k000002=newer", "k000003=in", "k000006=old", "k000007=in", "k000008=in", "k000009=in"];
        Check();
        var then = new LsmReadOptions { Snapshot = before };
        Assert.Equal(10, engine.Scan(ScanRange.All, then).Count(e => Keys.Show(e.Value.Span) == "old"));
        before.Dispose();
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Check();

        void Check() => Assert.Equal(
            expected, engine.Scan(ScanRange.All).Select(e => $"{Keys.Show(e.Key.Span)}={Keys.Show(e.Value.Span)}"));
    }

    [Fact]
    public void A_table_that_nobody_synced_is_durable_when_it_is_ingested()
    {
        using var scope = new LsmEngineScope(Options());
        byte[] table = _files.ReadAllBytes(Table(1, 3));
        using (IFile copy = _files.Open("/in/copy.sst", FileOpen.CreateNew)) copy.Write(0, table);
        Workload.Wait(scope.Engine.IngestAsync(["/in/copy.sst"]), scope.Engine);
        using var after = new LsmEngineScope(Options(_files.Crash(1, CrashMode.DropUnsynced)));
        Assert.Equal(3, Workload.Read(after.Engine).Count);
    }

    [Fact]
    public void A_table_ingested_into_a_gap_that_a_running_compaction_will_fill_stays_above_it()
    {
        using var scope = new LsmEngineScope(
            Options() with { L0CompactionTrigger = 3, CompactionStepBytes = 1, TargetFileBytes = 1 << 20 });
        LsmEngine engine = scope.Engine;
        foreach (int[] keys in new int[][] { [1, 2, 10], [2, 3], [90, 91] })
        {
            foreach (int i in keys) Put(engine, i, "own");
            Workload.Wait(engine.FlushAsync(), engine);
        }

        Assert.True(engine.RunOnce());
        Assert.True(engine.RunOnce());
        Workload.Wait(engine.IngestAsync([Table(50, 52)]), engine);
        while (engine.RunOnce()) continue;
        Assert.Null(engine.Stats.Failure);
        Assert.Equal(9, Workload.Read(engine).Count);
    }

    [Fact]
    public void A_reader_that_an_ingest_overtakes_sees_it_before_it_sees_what_was_written_behind_it()
    {
        using var scope = new LsmEngineScope(Options());
        LsmEngine engine = scope.Engine;
        Put(engine, 1, "before");
        Workload.Wait(engine.FlushAsync(), engine);
        string table = Table(1, 1);
        // Between the reader's look at the view and its look at the sequence number.
        bool overtaken = false;
        Perturbation.Set(() =>
        {
            Workload.Wait(engine.IngestAsync([table]), engine);
            Put(engine, 2, "behind it");
            overtaken = true;
        });
        string[] found = [.. engine.Scan(ScanRange.All).Select(e => Keys.Show(e.Value.Span))];
        Assert.True(overtaken, "the switch Nori.Lsm.Perturbation is off");
        Assert.Equal(["in", "behind it"], found);
    }

    [Fact]
    public async Task Overlapping_or_damaged_tables_are_refused_and_leave_nothing()
    {
        using var scope = new LsmEngineScope(Options());
        string a = Table(1, 5), b = Table(5, 9), c = Table(20, 30);
        await Assert.ThrowsAsync<ArgumentException>(() => scope.Engine.IngestAsync([a, b]));
        long length;
        using (IFile file = _files.Open(c, FileOpen.Read)) length = file.Length;
        _files.Corrupt(c, length - 3, 0xFF);
        await Assert.ThrowsAsync<CorruptionException>(() => scope.Engine.IngestAsync([a, c]));
        Assert.Empty(Workload.Read(scope.Engine));
        Assert.DoesNotContain(_files.List("/db"), name => name.EndsWith(".sst", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Of_a_table_to_ingest_every_block_is_checked_unless_its_writer_says_that_it_is_sound()
    {
        using var scope = new LsmEngineScope(Options());
        string table = Table(1, 5);
        // In the first data block.
        _files.Corrupt(table, 40, 0x10);
        CorruptionException damaged = await Assert.ThrowsAsync<CorruptionException>(() => scope.Engine.IngestAsync([table]));
        Assert.Equal(table, damaged.File);
        Assert.DoesNotContain(_files.List("/db"), name => name.EndsWith(".sst", StringComparison.Ordinal));
        await scope.Engine.IngestAsync([Table(6, 9)]);
        Assert.Equal(4, Workload.Read(scope.Engine).Count);
        await scope.Engine.IngestAsync([table], verify: false);
        Assert.Throws<CorruptionException>(() => Workload.Read(scope.Engine));
    }

    [Fact]
    public async Task Tables_that_cannot_all_be_linked_leave_no_link()
    {
        var faulty = new FaultInjectingFileSystem(_files);
        using var scope = new LsmEngineScope(Options() with { FileSystem = faulty });
        faulty.Add(new FaultRule { Operation = FileOperation.HardLink, AfterCalls = 1, Errno = Errno.NoSpace });
        await Assert.ThrowsAsync<LsmDiskFullException>(
            () => scope.Engine.IngestAsync([Table(1, 3), Table(4, 6), Table(7, 9)]));
        Assert.Empty(Workload.Read(scope.Engine));
        Assert.DoesNotContain(_files.List("/db"), name => name.EndsWith(".sst", StringComparison.Ordinal));
        Assert.True(scope.Engine.RunOnce());
        await scope.Engine.IngestAsync([Table(11, 13)]);
        Assert.Equal(3, Workload.Read(scope.Engine).Count);
    }

    [Fact]
    public void A_full_disk_refuses_writes_and_ends_by_itself_when_space_is_freed()
    {
        using var scope = new LsmEngineScope(Options());
        LsmEngine engine = scope.Engine;
        _files.CapacityBytes = 60_000;
        int written = 0;
        LsmDiskFullException refused = Assert.Throws<LsmDiskFullException>(() =>
        {
            for (; written < 10_000; written++) Put(engine, written, new string('v', 100));
        });
        Assert.Equal("/db", refused.Directory);
        Assert.True(engine.Stats.IsDiskFull);
        Assert.Equal(written, engine.Scan(ScanRange.All).Count());
        Assert.Throws<LsmDiskFullException>(() => Put(engine, 0, "x"));
        _files.CapacityBytes = 10_000_000;
        for (int i = 0; i < 10 && engine.Stats.IsDiskFull; i++) engine.RunOnce();
        Put(engine, written++, "again");
        Assert.Equal(written, engine.Scan(ScanRange.All).Count());
        Assert.Null(engine.Stats.Failure);
    }

    [Fact]
    public void With_nothing_to_flush_writes_come_back_when_as_much_is_free_as_the_refusal_says()
    {
        var faults = new FaultInjectingFileSystem(_files);
        using var scope = new LsmEngineScope(Options(faults));
        LsmEngine engine = scope.Engine;
        faults.Add(new FaultRule { Operation = FileOperation.Write, PathPattern = "/db/wal/*", Errno = Errno.NoSpace });
        LsmDiskFullException refused = Assert.Throws<LsmDiskFullException>(() => Put(engine, 1, "refused"));
        Assert.Equal(2 * engine.Options.MemtableBytes, refused.BytesNeeded);
        Assert.Contains($"{refused.BytesNeeded} bytes are free", refused.Message, StringComparison.Ordinal);
        _files.CapacityBytes = 1 << 20;
        _files.CapacityBytes -= _files.FreeBytes("/db") - refused.BytesNeeded + 1;
        while (engine.RunOnce()) continue;
        Assert.Throws<LsmDiskFullException>(() => Put(engine, 1, "refused again"));
        _files.CapacityBytes++;
        while (engine.RunOnce()) continue;
        Put(engine, 1, "taken");
    }

    [Fact]
    public void The_sequence_number_of_a_refused_write_is_not_given_to_another()
    {
        var faults = new FaultInjectingFileSystem(_files);
        using var scope = new LsmEngineScope(Options(faults));
        LsmEngine engine = scope.Engine;
        Put(engine, 1, "kept");
        ulong before = engine.Stats.LastSequence;
        faults.Add(new FaultRule { Operation = FileOperation.Write, PathPattern = "/db/wal/*", Errno = Errno.NoSpace });
        Assert.Throws<LsmDiskFullException>(() => Put(engine, 2, "refused"));
        for (int i = 0; i < 10 && engine.Stats.IsDiskFull; i++) engine.RunOnce();
        Put(engine, 3, "later");
        Assert.Equal(before + 2, engine.Get(Keys.Number(3))!.Value.Sequence);
        Assert.Null(engine.Get(Keys.Number(2)));
    }

    [Fact]
    public void A_failed_sync_stops_the_writes_and_leaves_the_reads()
    {
        var faults = new FaultInjectingFileSystem(_files);
        LsmEngine engine = LsmEngine.Open(Options(faults));
        Put(engine, 1, "kept");
        faults.Add(new FaultRule { Operation = FileOperation.Sync, PathPattern = "/db/wal/*" });
        LsmFailedException failed = Assert.Throws<LsmFailedException>(() => Put(engine, 2, "unknown"));
        Assert.IsType<StorageException>(failed.InnerException!.InnerException ?? failed.InnerException, exactMatch: false);
        // The disk works again, and the engine still refuses: what the sync lost is unknown.
        Assert.Throws<LsmFailedException>(() => Put(engine, 3, "refused"));
        Assert.Equal("kept", Keys.Show(engine.Get(Keys.Number(1))!.Value.Value.Span));
        Assert.NotNull(engine.Stats.Failure);
        engine.Abandon();
    }

    [Fact]
    public void Range_deletes_and_prefixes_bound_scans_both_ways()
    {
        using var scope = new LsmEngineScope(Options());
        foreach (string key in new[] { "a", "ab", "ab\u00ff", "abc", "ac", "b" }) Put(scope.Engine, key);
        Assert.Equal(["ab", "abc", "ab\u00ff"], Names(ScanRange.Prefix(Keys.Of("ab"))));
        Assert.Equal(["ab\u00ff", "abc", "ab"], Names(ScanRange.Prefix(Keys.Of("ab"), reverse: true)));
        Assert.Equal(6, Names(ScanRange.Prefix(default)).Count);
        Assert.Null(ScanRange.PrefixEnd([0xFF, 0xFF]));
        using LsmIterator iterator = scope.Engine.Scan(ScanRange.All);
        iterator.Seek(Keys.Of("abb"));
        Assert.True(iterator.MoveNext());
        Assert.Equal("abc", Keys.Show(iterator.Key));
        using LsmIterator backward = scope.Engine.Scan(ScanRange.All with { Reverse = true });
        backward.Seek(Keys.Of("abb"));
        Assert.True(backward.MoveNext());
        Assert.Equal("ab", Keys.Show(backward.Key));

        List<string> Names(ScanRange range) => [.. scope.Engine.Scan(range).Select(e => Keys.Show(e.Key.Span))];
    }

    private LsmOptions Options(IFileSystem? files = null) => Workload.Small(files ?? _files);

    private int _tables;

    private string Table(int from, int to, int deleteFrom = 0, int deleteTo = 0)
    {
        _files.CreateDirectory("/in");
        string path = $"/in/{++_tables}.sst";
        using var builder = new TableBuilder(_files, path);
        if (deleteTo > deleteFrom) builder.AddRangeDelete(Keys.Number(deleteFrom), Keys.Number(deleteTo), 0);
        for (int i = from; i <= to; i++) builder.Add(Keys.Number(i), Keys.Of("in"));
        builder.Finish();
        return path;
    }

    private static void Put(LsmEngine engine, int i, string value)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Number(i), Keys.Of(value));
        engine.Write(batch);
    }

    private static void Put(LsmEngine engine, string key)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Of(key), Keys.Of("v"));
        engine.Write(batch);
    }
}
