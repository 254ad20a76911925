using Nori.IO;
using Nori.SSTable;

namespace Nori.Lsm.Tests;

/// <summary>
/// D9: no space is a state. Wherever it strikes, writes are refused clearly, reads go on, it ends by itself when there is
/// space again, nothing acknowledged is lost and nothing half-made is left behind.
/// </summary>
public sealed class FullDiskTests
{
    // A sync that fails is never a state, whatever it says.
    private const FileOperation TakesSpace =
        FileOperation.Create | FileOperation.Write | FileOperation.SetLength | FileOperation.Rename | FileOperation.HardLink;

    [Theory]
    [InlineData("/db/*", 90, 150)]
    [InlineData("/db/MANIFEST-*", 140, 30)]
    [InlineData("/db/CURRENT*", 250, 4)]
    public void No_space_for_a_while_from_any_call_on_is_a_state_that_ends(string pattern, int steps, int struckLeast)
    {
        int struck = 0;
        bool reached = true;
        for (int k = 0; reached; k++)
        {
            var memory = new MemoryFileSystem(6);
            var files = new FaultInjectingFileSystem(memory);
            LsmOptions options = Workload.Small(files);
            var workload = new Workload(6, options);
            LsmEngine engine = LsmEngine.Open(options);
            FaultRule rule = files.Add(new FaultRule
            {
                Operation = TakesSpace, PathPattern = pattern, Errno = Errno.NoSpace, AfterCalls = k, Times = 1 + (k % 5),
                PartialBytes = k % 3 * 9,
            });
            Run(workload, engine, steps);
            reached = rule.Matches > k;
            if (reached) struck++;
            try
            {
                Check(memory, workload, engine, (ulong)k);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"no space on {pattern} from call {k} on", e);
            }
        }

        Assert.True(struck >= struckLeast, $"only {struck} calls on {pattern}");
    }

    [Fact]
    public void A_disk_of_any_size_fills_up_and_goes_on_when_it_grows()
    {
        for (int capacity = 18_000; capacity < 80_000; capacity += 1_733)
        {
            var memory = new MemoryFileSystem((ulong)capacity);
            LsmEngine engine = LsmEngine.Open(Workload.Small(memory));
            memory.CapacityBytes = capacity;
            int written = 0;
            while (TryPut(engine, written, out _)) written++;
            Assert.True(engine.Stats.IsDiskFull);
            for (int i = 0; i < 20; i++)
            {
                // Whatever the background does meanwhile: refused, and named.
                engine.RunOnce();
                if (TryPut(engine, written, out LsmDiskFullException? refused)) written++;
                else Assert.Equal("/db", refused!.Directory);
                Assert.Equal(written, engine.Scan(ScanRange.All).Count());
            }

            Assert.Null(engine.Stats.Failure);
            memory.CapacityBytes = 10_000_000;
            for (int i = 0; engine.Stats.IsDiskFull; i++)
            {
                Assert.True(i < 20, "it does not end");
                engine.RunOnce();
            }

            Assert.True(TryPut(engine, written, out _));
            MemoryFileSystem lost = memory.Crash((ulong)capacity);
            engine.Abandon();
            using var scope = new LsmEngineScope(Workload.Small(lost));
            Assert.Equal(written + 1, scope.Engine.Scan(ScanRange.All).Count());
        }
    }

    [Fact]
    public void A_directory_sync_that_fails_behind_the_switch_of_manifests_stops_the_writes_even_when_it_says_no_space()
    {
        var memory = new MemoryFileSystem(9);
        var files = new FaultInjectingFileSystem(memory);
        LsmOptions options = Workload.Small(files);
        var workload = new Workload(9, options);
        LsmEngine engine = LsmEngine.Open(options);
        bool switched = false;
        files.Add(new FaultRule
        {
            Operation = FileOperation.Rename, PathPattern = "CURRENT", Errno = 0, Times = FaultRule.Forever,
            Action = _ => switched = true,
        });
        files.Add(new FaultRule
        {
            Operation = FileOperation.SyncDirectory, Errno = 0, Times = FaultRule.Forever,
            Action = call => { if (switched) throw new StorageException("sync directory", call.Path, Errno.NoSpace, "injected"); },
        });
        LsmFailedException failed = Assert.Throws<LsmFailedException>(() =>
        {
            for (int i = 0; i < 2000; i++) workload.Step(engine);
        });
        Assert.True(switched);
        Assert.IsType<StorageException>(failed.InnerException);
        files.ClearRules();
        var batch = new WriteBatch();
        batch.Put("x"u8, "y"u8);
        Assert.Throws<LsmFailedException>(() => engine.Write(batch));
        Assert.Equal(workload.Acknowledged, Workload.Read(engine));
        MemoryFileSystem lost = memory.Crash(1);
        engine.Abandon();
        using var scope = new LsmEngineScope(Workload.Small(lost));
        SortedDictionary<string, string> found = Workload.Read(scope.Engine);
        if (!found.SequenceEqual(workload.Acknowledged)) Assert.Equal(workload.UnderWay, found);
    }

    [Theory]
    [InlineData("*.sst")]
    [InlineData("/db/*")]
    public void A_restart_on_a_full_disk_reads_everything_and_writes_again_when_there_is_space(string pattern)
    {
        // Memtables pile up in front of a disk without space for tables: the log holds more than one of them.
        var memory = new MemoryFileSystem(11);
        var files = new FaultInjectingFileSystem(memory);
        LsmEngine engine = LsmEngine.Open(Workload.Small(files));
        NoSpace(files, "*.sst");
        int written = 0;
        while (TryPut(engine, written, out _)) written++;
        Assert.InRange(engine.Stats.ImmutableMemtables, 2, 100);
        for (int life = 0; life < 3; life++)
        {
            memory = memory.Crash((ulong)life, CrashMode.DropUnsynced);
            engine.Abandon();
            files = new FaultInjectingFileSystem(memory);
            NoSpace(files, pattern);
            engine = LsmEngine.Open(Workload.Small(files));
            Assert.Equal(written, engine.Scan(ScanRange.All).Count());
            Assert.False(TryPut(engine, written, out LsmDiskFullException? refused));
            Assert.Equal("/db", refused!.Directory);
        }

        files.ClearRules();
        for (int i = 0; engine.Stats.IsDiskFull; i++)
        {
            Assert.True(i < 20, "it does not end");
            engine.RunOnce();
        }

        Assert.True(TryPut(engine, written, out _));
        while (engine.RunOnce()) continue;
        Assert.Equal(0, engine.Stats.ImmutableMemtables);
        MemoryFileSystem lost = memory.Crash(9);
        engine.Abandon();
        using var scope = new LsmEngineScope(Workload.Small(lost));
        Assert.Equal(written + 1, scope.Engine.Scan(ScanRange.All).Count());
    }

    // What a refused write left in the manifest may be all of the edit. Where not even that can be taken back, it counts after a
    // crash: then its tables are there.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_refused_edit_that_is_whole_in_the_manifest_does_not_come_back(bool copiesOnWrite)
    {
        int struck = 0;
        bool reached = true;
        for (int k = 0; reached; k++)
        {
            var memory = new MemoryFileSystem(7);
            var files = new FaultInjectingFileSystem(memory);
            var workload = new Workload(7, Workload.Small(files));
            LsmEngine engine = LsmEngine.Open(Workload.Small(files));
            FaultRule rule = files.Add(new FaultRule
            {
                Operation = copiesOnWrite ? FileOperation.Write | FileOperation.SetLength : FileOperation.Write,
                PathPattern = "/db/MANIFEST-*", Errno = Errno.NoSpace, AfterCalls = k, Times = copiesOnWrite ? 2 : 1,
                PartialBytes = int.MaxValue,
            });
            var crashes = new List<(MemoryFileSystem After, SortedDictionary<string, string> A, SortedDictionary<string, string> B)>();
            files.Add(new FaultRule
            {
                Errno = 0, Times = FaultRule.Forever,
                Action = _ =>
                {
                    if (rule.Matches > k && crashes.Count < 8)
                        crashes.Add((memory.Crash((ulong)k, CrashMode.ProcessOnly), workload.Acknowledged, workload.UnderWay));
                },
            });
            for (int i = 0; i < 100 && crashes.Count < 8; i++) Run(workload, engine, steps: 1);
            engine.Abandon();
            reached = rule.Matches > k;
            if (reached) struck++;
            foreach ((MemoryFileSystem after, SortedDictionary<string, string> a, SortedDictionary<string, string> b) in crashes)
            {
                using var scope = new LsmEngineScope(Workload.Small(after));
                SortedDictionary<string, string> found = Workload.Read(scope.Engine);
                // An ingest that could not be taken back may be there.
                if (!copiesOnWrite && !found.SequenceEqual(a)) Assert.Equal(b, found);
            }
        }

        Assert.True(struck >= 25, $"only {struck} edits");
    }

    [Fact]
    public void A_range_is_compacted_once_that_is_said_although_there_was_no_space_in_between()
    {
        var memory = new MemoryFileSystem(13);
        var files = new FaultInjectingFileSystem(memory);
        LsmEngine engine = LsmEngine.Open(
            Workload.Small(files) with { L0CompactionTrigger = 8, L0SlowdownTrigger = 9, L0StopTrigger = 10 });
        for (int i = 1; i <= 3; i++)
        {
            // The first key in each, or they would only move.
            Assert.True(TryPut(engine, 0, out _) && TryPut(engine, i, out _));
            Workload.Wait(engine.FlushAsync(), engine);
        }

        Assert.Equal(3, engine.Stats.Levels[0].Tables);
        FaultRule rule = files.Add(new FaultRule { Operation = FileOperation.Create, PathPattern = "*.sst", Errno = Errno.NoSpace });
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.True(rule.Matches > 1, "it did not begin again");
        Assert.Equal(0, engine.Stats.Levels[0].Tables);
        Assert.Equal(4, engine.Scan(ScanRange.All).Count());
        engine.Abandon();
    }

    // Its keys are in memory: a flush must be through before it. A flush that somebody asked for waits; an ingest is a write.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_ingest_whose_flush_meets_a_full_disk_is_refused_as_any_write_and_leaves_nothing(bool runBackground)
    {
        var memory = new MemoryFileSystem(17);
        var files = new FaultInjectingFileSystem(memory);
        await using LsmEngine engine = LsmEngine.Open(Workload.Small(files) with
        {
            RunBackground = runBackground, DiskFullRetry = TimeSpan.FromMilliseconds(1), Time = TimeProvider.System,
        });
        string source = Source(memory);
        Assert.True(TryPut(engine, 1, out _));
        NoSpace(files, "/db/*.sst", FileOperation.Create | FileOperation.Write);
        LsmDiskFullException refused = await Assert.ThrowsAsync<LsmDiskFullException>(
            () => engine.IngestAsync([source]).WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal("/db", refused.Directory);
        await Assert.ThrowsAsync<LsmDiskFullException>(() => engine.IngestAsync([source]));
        Assert.DoesNotContain(memory.List("/db"), name => name.EndsWith(".sst", StringComparison.Ordinal));
        Assert.NotEqual("ingested", Keys.Show(engine.Get(Keys.Number(1))!.Value.Value.Span));
        Task flushed = engine.FlushAsync();
        Assert.False(flushed.IsCompleted);

        files.ClearRules();
        if (!runBackground) Workload.Wait(flushed, engine);
        await flushed;
        while (engine.Stats.IsDiskFull) await Task.Yield();
        await engine.IngestAsync([source]);
        Assert.Equal("ingested", Keys.Show(engine.Get(Keys.Number(1))!.Value.Value.Span));
    }

    [Fact]
    public void An_ingest_for_which_the_manifest_has_no_space_is_refused_as_any_write_and_leaves_nothing()
    {
        var memory = new MemoryFileSystem(19);
        var files = new FaultInjectingFileSystem(memory);
        using var scope = new LsmEngineScope(Workload.Small(files));
        LsmEngine engine = scope.Engine;
        string source = Source(memory);
        NoSpace(files, "/db/MANIFEST-*", FileOperation.Write);
        Assert.IsType<LsmDiskFullException>(engine.IngestAsync([source]).Exception!.InnerException);
        Assert.True(engine.Stats.IsDiskFull);
        Assert.DoesNotContain(memory.List("/db"), name => name.EndsWith(".sst", StringComparison.Ordinal));
        files.ClearRules();
        Assert.True(engine.RunOnce());
        Workload.Wait(engine.IngestAsync([source]), engine);
        Assert.Single(engine.Scan(ScanRange.All));
    }

    private static string Source(MemoryFileSystem files)
    {
        files.CreateDirectory("/in");
        using var builder = new TableBuilder(files, "/in/1.sst");
        builder.Add(Keys.Number(1), Keys.Of("ingested"));
        builder.Finish();
        return "/in/1.sst";
    }

    private static void NoSpace(FaultInjectingFileSystem files, string pattern, FileOperation operation = TakesSpace) =>
        files.Add(new FaultRule { Operation = operation, PathPattern = pattern, Errno = Errno.NoSpace, Times = FaultRule.Forever });

    private static void Run(Workload workload, LsmEngine engine, int steps)
    {
        for (int i = 0; i < steps; i++)
        {
            try
            {
                workload.Step(engine);
            }
            catch (LsmDiskFullException)
            {
                Assert.Equal(workload.Acknowledged, Workload.Read(engine));
                for (int tries = 0; engine.Stats.IsDiskFull; tries++)
                {
                    Assert.True(tries < 10, "it does not end");
                    engine.RunOnce();
                }
            }
            catch (StorageException e) when (e.IsDiskFull)
            {
                // An ingest before it touched the engine.
            }
        }

        for (int tries = 0; engine.Stats.IsDiskFull; tries++)
        {
            Assert.True(tries < 10, "it does not end");
            engine.RunOnce();
        }
    }

    private static void Check(MemoryFileSystem memory, Workload workload, LsmEngine engine, ulong seed)
    {
        Assert.Null(engine.Stats.Failure);
        Assert.Equal(workload.Acknowledged, Workload.Read(engine));
        // Whatever manifest was begun and could not be finished is gone before the next opening.
        IReadOnlyList<string> names = memory.List("/db");
        Assert.Single(names, name => name.StartsWith("MANIFEST", StringComparison.Ordinal));
        Assert.DoesNotContain("CURRENT.tmp", names);
        MemoryFileSystem lost = memory.Crash(seed);
        engine.Abandon();
        using var scope = new LsmEngineScope(Workload.Small(lost));
        Assert.Equal(workload.Acknowledged, Workload.Read(scope.Engine));
    }

    private static bool TryPut(LsmEngine engine, int i, out LsmDiskFullException? refused)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Number(i), Keys.Of(new string('v', 100)));
        try
        {
            engine.Write(batch);
            refused = null;
            return true;
        }
        catch (LsmDiskFullException e)
        {
            refused = e;
            return false;
        }
    }
}
