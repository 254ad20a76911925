using Nori.IO;

namespace Nori.Lsm.Tests;

/// <summary>
/// P15: no handle or no memory for opening a file is a state, as a full disk is. It holds up the step that met it and nothing
/// else, and ends by itself.
/// </summary>
public sealed class ShortageTests
{
    [Theory]
    [InlineData("/db/*.sst", Errno.ProcessFiles, 90, 40)]
    [InlineData("/db/*.sst", Errno.SystemFiles, 90, 40)]
    [InlineData("/db/*.sst", Errno.NoMemory, 90, 40)]
    [InlineData("/db/MANIFEST-*", Errno.ProcessFiles, 250, 1)]
    [InlineData("/db/CURRENT*", Errno.ProcessFiles, 250, 1)]
    public void A_file_that_cannot_be_opened_for_a_while_holds_up_background_work_and_loses_nothing(
        string pattern, int errno, int steps, int struckLeast)
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
                Operation = FileOperation.Open | FileOperation.Create, PathPattern = pattern, Errno = errno, AfterCalls = k,
                Times = 1 + (k % 5),
            });
            for (int i = 0; i < steps; i++) Step(workload, engine);
            reached = rule.Matches > k;
            if (reached) struck++;
            files.ClearRules();
            try
            {
                Assert.Null(engine.Stats.Failure);
                Assert.Equal(workload.Acknowledged, Workload.Read(engine));
                while (engine.RunOnce()) continue;
                Assert.Equal(0, engine.Stats.ImmutableMemtables);
                // What was begun in vain is gone, not only at the next opening.
                Assert.Equal(engine.TableSpans().Count, Named(memory, ".sst"));
                Assert.Equal(1, Named(memory, "MANIFEST"));
                MemoryFileSystem lost = memory.Crash((ulong)k);
                engine.Abandon();
                using var scope = new LsmEngineScope(Workload.Small(lost));
                Assert.Equal(workload.Acknowledged, Workload.Read(scope.Engine));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{errno} on {pattern} from call {k} on", e);
            }
        }

        Assert.True(struck >= struckLeast, $"only {struck} calls on {pattern}");
    }

    [Fact]
    public void It_is_told_why_background_work_waits_until_some_got_through()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        using var scope = new LsmEngineScope(Workload.Small(files));
        files.Add(new FaultRule { Operation = FileOperation.Create, PathPattern = "*.sst", Errno = Errno.ProcessFiles });
        Put(scope.Engine, 1);
        Task flushed = scope.Engine.FlushAsync();
        Assert.False(flushed.IsCompleted);
        Assert.Equal(Errno.ProcessFiles, scope.Engine.Stats.Shortage!.Errno);
        Put(scope.Engine, 2);
        Assert.True(scope.Engine.RunOnce());
        Assert.True(flushed.IsCompletedSuccessfully);
        Assert.Null(scope.Engine.Stats.Shortage);
    }

    [Fact]
    public void A_directory_that_cannot_be_opened_to_be_synced_leaves_no_table_behind_each_time()
    {
        var memory = new MemoryFileSystem(2);
        var files = new FaultInjectingFileSystem(memory);
        using var scope = new LsmEngineScope(Workload.Small(files));
        LsmEngine engine = scope.Engine;
        files.Add(new FaultRule
        {
            Operation = FileOperation.SyncDirectory, PathPattern = "/db", Errno = 0, Times = 5,
            Action = call => throw new StorageException("open", call.Path, Errno.ProcessFiles, "injected"),
        });
        Put(engine, 1);
        Task flushed = engine.FlushAsync();
        for (int i = 0; !flushed.IsCompleted; i++)
        {
            Assert.True(i < 10, "it does not end");
            engine.RunOnce();
        }

        engine.RunOnce();
        Assert.Equal(1, Named(memory, ".sst"));
        Assert.Single(engine.TableSpans());
    }

    [Theory]
    [InlineData(FileOperation.Sync, "*.sst")]
    [InlineData(FileOperation.SyncDirectory, "db")]
    [InlineData(FileOperation.Write, "MANIFEST-*")]
    public void Of_a_sync_or_a_write_of_the_manifest_the_same_number_stops_the_engine(FileOperation operation, string pattern)
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(3));
        LsmEngine engine = LsmEngine.Open(Workload.Small(files));
        files.Add(new FaultRule { Operation = operation, PathPattern = pattern, Errno = Errno.NoMemory });
        Put(engine, 1);
        Assert.True(engine.FlushAsync().IsFaulted);
        Assert.NotNull(engine.Stats.Failure);
        engine.Abandon();
    }

    [Fact]
    public async Task A_scrub_that_cannot_open_a_table_has_found_no_damage()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(4));
        using var scope = new LsmEngineScope(Workload.Small(files) with { OnDamage = LsmDamageAction.SetApart });
        LsmEngine engine = scope.Engine;
        Put(engine, 1);
        Workload.Wait(engine.FlushAsync(), engine);
        files.Add(new FaultRule { Operation = FileOperation.Open, PathPattern = "*.sst", Errno = Errno.SystemFiles });
        StorageException refused = await Assert.ThrowsAsync<StorageException>(() => engine.ScrubAsync());
        Assert.True(refused.IsShortage);
        Assert.Empty(engine.DamagedTables);
        Assert.Empty((await engine.ScrubAsync()).Findings);
    }

    [Theory]
    [InlineData(Errno.NoSpace)]
    [InlineData(Errno.ProcessFiles)]
    public async Task Two_compactions_that_wait_for_the_same_do_not_wake_each_other(int errno)
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(5));
        await using LsmEngine engine = LsmEngine.Open(Workload.Small(files) with
        {
            RunBackground = true, WriteAheadLog = LsmWalMode.None, DiskFullRetry = TimeSpan.FromHours(1), MemtableBytes = 1 << 20,
        });
        using var met = new ManualResetEventSlim();
        // Both flushes pass; what creates tables behind them is a compaction.
        FaultRule rule = files.Add(new FaultRule
        {
            Operation = FileOperation.Create, PathPattern = "*.sst", Errno = errno, AfterCalls = 2, Times = FaultRule.Forever,
            Action = _ => met.Set(),
        });
        for (int i = 0; i < 2; i++)
        {
            var batch = new WriteBatch();
            batch.Put(Keys.Number(1), Keys.Number(i));
            await engine.WriteAsync(batch);
            await engine.FlushAsync();
        }

        met.Wait();
        for (int i = 0; i < 200_000; i++) _ = engine.Get(Keys.Number(1));
        Assert.InRange(rule.Matches - 2, 1, 10);
    }

    private static void Step(Workload workload, LsmEngine engine)
    {
        try
        {
            workload.Step(engine);
        }
        catch (StorageException e) when (e.IsShortage)
        {
            // An ingest that was refused.
        }
    }

    private static int Named(MemoryFileSystem files, string part) =>
        files.List("/db").Count(name => name.Contains(part, StringComparison.Ordinal));

    private static void Put(LsmEngine engine, int i)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Number(i), Keys.Of(new string('v', 40)));
        engine.Write(batch);
    }
}
