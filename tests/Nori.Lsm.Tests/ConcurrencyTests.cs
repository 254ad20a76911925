using Nori.Core;
using Nori.IO;
using Nori.Lsm.Compaction;

namespace Nori.Lsm.Tests;

/// <summary>With the engine's own threads: atomic batches, stable iterators, many writers.</summary>
public sealed class ConcurrencyTests
{
    [Theory]
    [InlineData(LsmWalMode.Os)]
    [InlineData(LsmWalMode.Batch)]
    [InlineData(LsmWalMode.None)]
    public async Task Readers_never_see_half_a_batch_while_everything_moves(LsmWalMode mode)
    {
        var files = new MemoryFileSystem(1);
        LsmOptions options = Workload.Small(files, mode) with
        {
            RunBackground = true, MemtableBytes = 16 << 10, Time = TimeProvider.System,
        };
        LsmEngine engine = LsmEngine.Open(options);
        const int groups = 20, writes = 400, writers = 3;
        using var stop = new CancellationTokenSource();
        Task[] reading = [.. Enumerable.Range(0, 2).Select(
            reader => Task.Run(() => Read(engine, (ulong)reader, groups, stop.Token)))];
        Task[] writing = [.. Enumerable.Range(0, writers).Select(
            writer => Task.Run(() => WriteAll(engine, writer, groups, writes)))];
        Task moving = Task.Run(async () =>
        {
            for (int i = 0; i < 5; i++)
            {
                await engine.FlushAsync();
                await engine.CompactRangeAsync();
            }
        });
        await Task.WhenAll(writing).WaitAsync(TimeSpan.FromSeconds(60));
        await moving.WaitAsync(TimeSpan.FromSeconds(60));
        await stop.CancelAsync();
        await Task.WhenAll(reading).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Null(engine.Stats.Failure);
        Assert.Equal(writers * groups * 2, engine.Scan(ScanRange.All).Count());
        for (int writer = 0; writer < writers; writer++)
        {
            string? last = Text(engine.Get(Keys.Of($"{(writes - 1) % groups:D3}/{writer}/a")));
            Assert.StartsWith($"{writes - 1} ", last, StringComparison.Ordinal);
        }

        await engine.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_disposes_it_second_waits_until_its_directory_is_closed(bool threads)
    {
        using ManualResetEventSlim stands = new(), goesOn = new();
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        LsmOptions options = Workload.Small(files) with { RunBackground = threads, Time = TimeProvider.System };
        LsmEngine engine = LsmEngine.Open(options);
        StandStill(files, FileOperation.Sync, "/db/wal/*", stands, goesOn);
        Task first = Task.Run(async () => await engine.DisposeAsync());
        stands.Wait(TestContext.Current.CancellationToken);
        Task second = engine.DisposeAsync().AsTask();
        Assert.False(second.IsCompleted);
        goesOn.Set();
        await second;
        await LsmEngine.Open(options).DisposeAsync();
        await first;
    }

    [Fact]
    public async Task A_compaction_whose_caller_waits_no_more_is_in_nobodys_way()
    {
        using ManualResetEventSlim stands = new(), goesOn = new();
        using var cancel = new CancellationTokenSource();
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        LsmOptions options = Workload.Small(files) with
        {
            RunBackground = true, Time = TimeProvider.System, MemtableBytes = 64 << 10, L0CompactionTrigger = 20, L0SlowdownTrigger = 20,
            L0StopTrigger = 40,
        };
        LsmEngine engine = LsmEngine.Open(options);
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 50; i++) await engine.PutAsync(Keys.Number(i), Keys.Of($"{round}"));
            await engine.FlushAsync();
        }

        StandStill(files, FileOperation.Sync, "*.sst", stands, goesOn);
        Task left = engine.CompactRangeAsync(ct: cancel.Token);
        stands.Wait(TestContext.Current.CancellationToken);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        await engine.DeleteRangeAsync(Keys.Number(0), Keys.Number(25));
        Task asked = engine.CompactRangeAsync();
        Assert.False(asked.IsCompleted);
        goesOn.Set();
        await asked;
        Assert.Equal(0, engine.Stats.Levels[0].Tables);
        Assert.Equal(25, engine.Scan(ScanRange.All).Count());
        await engine.DisposeAsync();
    }

    [Fact]
    public async Task A_write_that_asks_for_a_sync_gets_it_whoever_commits_it()
    {
        using ManualResetEventSlim stands = new(), goesOn = new();
        var memory = new MemoryFileSystem(1);
        var files = new FaultInjectingFileSystem(memory);
        LsmEngine engine = LsmEngine.Open(
            Workload.Small(files, LsmWalMode.Os) with { RunBackground = true, Time = TimeProvider.System });
        StandStill(files, FileOperation.Write, "/db/wal/*", stands, goesOn);
        Task before = Task.Run(() => engine.Write(One("before")));
        stands.Wait(TestContext.Current.CancellationToken);
        // These two wait in this order: the first commits both.
        Task commits = engine.WriteAsync(One("commits")).AsTask();
        Task synced = engine.WriteAsync(One("synced"), new LsmWriteOptions { Sync = true }).AsTask();
        Assert.False(commits.IsCompleted || synced.IsCompleted);
        goesOn.Set();
        await synced;
        using (var scope = new LsmEngineScope(Workload.Small(memory.Crash(1, CrashMode.DropUnsynced), LsmWalMode.Os)))
            Assert.NotNull(scope.Engine.Get(Keys.Of("synced")));
        await Task.WhenAll(before, commits);
        await engine.DisposeAsync();
    }

    // A step of a compaction looks for what was asked, finds that nothing is left to do, and ends it; in between its caller waits no
    // more, and another asks.
    [Fact]
    public void A_compaction_that_is_done_ends_itself_and_not_the_one_asked_for_meanwhile()
    {
        var turn = new ManualTurn();
        ManualCompaction left = new(null, null, 1), asked = new(null, null, 2);
        turn.Begin(left);
        ManualCompaction found = turn.Current!;
        turn.Begin(asked);
        turn.End(found);
        Assert.Same(asked, turn.Current);
        Assert.True(left.Completion.Task.IsCompletedSuccessfully);
        Assert.False(asked.Completion.Task.IsCompleted);
        turn.End(asked);
        Assert.Null(turn.Current);
        Assert.True(asked.Completion.Task.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Many_awaiting_writers_share_syncs_and_all_are_durable()
    {
        var memory = new MemoryFileSystem(2);
        var files = new FaultInjectingFileSystem(memory);
        // A sync takes a while, so that company gathers.
        files.Add(new FaultRule
        {
            Operation = FileOperation.Sync, Errno = 0, Times = FaultRule.Forever, Action = _ => Thread.SpinWait(20_000),
        });
        LsmEngine engine = LsmEngine.Open(Workload.Small(files) with { RunBackground = true, MemtableBytes = 1 << 20 });
        long before = files.Calls(FileOperation.Sync);
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => engine.PutAsync(Keys.Number(i), Keys.Of("v")).AsTask()));
        long syncs = files.Calls(FileOperation.Sync) - before;
        Assert.InRange(syncs, 1, 400);
        using var after = new LsmEngineScope(Workload.Small(memory.Crash(1)));
        Assert.Equal(500, after.Engine.Scan(ScanRange.All).Count());
        await engine.DisposeAsync();
    }

    [Fact]
    public async Task Closing_under_load_refuses_later_writes_and_loses_none_before()
    {
        var files = new MemoryFileSystem(3);
        LsmEngine engine = LsmEngine.Open(Workload.Small(files) with { RunBackground = true });
        var acknowledged = new List<int>();
        Task writer = Task.Run(async () =>
        {
            for (int i = 0; ; i++)
            {
                await engine.PutAsync(Keys.Number(i), Keys.Of("v"));
                lock (acknowledged) acknowledged.Add(i);
            }
        });
        while (true)
        {
            lock (acknowledged)
                if (acknowledged.Count > 50) break;
            await Task.Yield();
        }

        await engine.DisposeAsync();
        await Assert.ThrowsAnyAsync<ObjectDisposedException>(() => writer);
        using var again = new LsmEngineScope(Workload.Small(files));
        foreach (int i in acknowledged) Assert.NotNull(again.Engine.Get(Keys.Number(i)));
    }

    private static async Task WriteAll(LsmEngine engine, int writer, int groups, int writes)
    {
        for (int i = 0; i < writes; i++)
        {
            string group = $"{i % groups:D3}/{writer}";
            var batch = new WriteBatch();
            byte[] value = Keys.Of($"{i} " + new string('x', 50));
            batch.Put(Keys.Of(group + "/a"), value);
            batch.Put(Keys.Of(group + "/b"), value);
            if (i % 2 == 0) engine.Write(batch);
            else await engine.WriteAsync(batch);
        }
    }

    private static void Read(LsmEngine engine, ulong seed, int groups, CancellationToken stop)
    {
        var random = new Prng(seed);
        while (!stop.IsCancellationRequested)
        {
            bool reverse = random.Chance(0.5);
            string? last = null;
            using LsmIterator iterator = engine.Scan(ScanRange.All with { Reverse = reverse });
            while (iterator.MoveNext())
            {
                string value = Keys.Show(iterator.Value);
                if (last is null) last = value;
                else if (last != value) throw new InvalidOperationException($"half a batch: {last} and {value}");
                else last = null;
            }

            if (last is not null) throw new InvalidOperationException("one key of a pair");
            string group = $"{random.NextInt(groups):D3}/0";
            using LsmSnapshot snapshot = engine.Snapshot();
            var at = new LsmReadOptions { Snapshot = snapshot };
            string? a = Text(engine.Get(Keys.Of(group + "/a"), at)), b = Text(engine.Get(Keys.Of(group + "/b"), at));
            if (a != b) throw new InvalidOperationException($"a snapshot with half a batch: {a} and {b}");
        }
    }

    private static string? Text(LsmValue? value) => value is { } v ? Keys.Show(v.Value.Span) : null;

    private static WriteBatch One(string key)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Of(key), Keys.Of("value"));
        return batch;
    }

    /// <summary>The next such call there stands still until it may go on.</summary>
    private static void StandStill(
        FaultInjectingFileSystem files, FileOperation operation, string pattern, ManualResetEventSlim stands,
        ManualResetEventSlim goesOn) =>
        files.Add(new FaultRule
        {
            Operation = operation, PathPattern = pattern, Errno = 0,
            Action = _ =>
            {
                stands.Set();
                goesOn.Wait();
            },
        });
}
