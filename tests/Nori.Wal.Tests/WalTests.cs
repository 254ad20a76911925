#pragma warning disable CA2012 // The tests look at appends before they complete; each is awaited once.
using Nori.Core;
using Nori.IO;

namespace Nori.Wal.Tests;

public class WalTests
{
    [Theory]
    [InlineData(SyncPolicy.Always)]
    [InlineData(SyncPolicy.Batch)]
    [InlineData(SyncPolicy.Os)]
    public async Task Concurrent_appends_all_come_back_in_the_order_of_their_positions(SyncPolicy policy)
    {
        var files = new MemoryFileSystem();
        WalOptions options = Support.Options(files) with { Sync = policy, QueueBytesMax = 8 << 10 };
        (Wal wal, _) = await Wal.OpenAsync(options);
        const int callers = 16, each = 200;
        var positions = new WalPosition[callers * each];
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            for (int i = 0; i < each; i++)
            {
                byte[] payload = BitConverter.GetBytes((caller * each) + i);
                positions[(caller * each) + i] = await wal.AppendAsync(payload, (byte)caller);
            }
        })));
        await wal.SyncAsync();
        Assert.True(wal.DurableEnd > positions.Max());
        Check([.. wal.ReadFrom(WalPosition.Start)]);
        await wal.DisposeAsync();

        (Wal again, RecoveryReport report) = await Wal.OpenAsync(options);
        Assert.True(report.CleanShutdown);
        Check([.. again.ReadFrom(WalPosition.Start)]);
        await again.DisposeAsync();

        void Check(List<WalRecord> records)
        {
            Assert.Equal(callers * each, records.Count);
            var next = new int[callers];
            foreach (WalRecord record in records)
            {
                int value = BitConverter.ToInt32(record.Payload.Span);
                Assert.Equal(positions[value], record.Position);
                Assert.Equal(value / each, record.Type);
                Assert.Equal(next[value / each]++, value % each);
            }
        }
    }

    [Theory]
    [InlineData(SyncPolicy.Always)]
    [InlineData(SyncPolicy.Batch)]
    public async Task What_is_acknowledged_is_synced(SyncPolicy policy)
    {
        var files = new MemoryFileSystem();
        (Wal wal, _) = await Wal.OpenAsync(Support.Options(files) with { Sync = policy });
        for (int i = 0; i < 50; i++)
        {
            await wal.AppendAsync(new byte[] { (byte)i });
            using WalLog log = WalLog.Open(Support.Options(files.Crash((ulong)i, CrashMode.DropUnsynced)), out _);
            Assert.Equal(i + 1, Support.ReadAll(log).Count);
        }

        await wal.DisposeAsync();
    }

    [Fact]
    public async Task Under_policy_os_an_append_is_with_the_operating_system_when_it_returns()
    {
        var files = new MemoryFileSystem();
        var counting = new FaultInjectingFileSystem(files);
        (Wal wal, _) = await Wal.OpenAsync(Support.Options(counting) with { Sync = SyncPolicy.Os });
        long syncs = counting.Calls(FileOperation.Sync);
        for (int i = 0; i < 20; i++)
        {
            ValueTask<WalPosition> append = wal.AppendAsync(new byte[] { (byte)i });
            Assert.True(append.IsCompletedSuccessfully);
            await append;
        }

        Assert.Equal(syncs, counting.Calls(FileOperation.Sync));
        using (WalLog killed = WalLog.Open(Support.Options(files.Crash(1, CrashMode.ProcessOnly)), out _))
        {
            Assert.Equal(20, Support.ReadAll(killed).Count);
        }

        await wal.SyncAsync();
        using (WalLog unplugged = WalLog.Open(Support.Options(files.Crash(1, CrashMode.DropUnsynced)), out _))
        {
            Assert.Equal(20, Support.ReadAll(unplugged).Count);
        }

        await wal.DisposeAsync();
    }

    [Fact]
    public async Task One_sync_covers_everybody_who_gathered()
    {
        var files = new MemoryFileSystem();
        var counting = new FaultInjectingFileSystem(files);
        (Wal wal, _) = await Wal.OpenAsync(Support.Options(counting) with { RunLoop = false });
        var appends = new List<ValueTask<WalPosition>>();
        for (int i = 0; i < 100; i++) appends.Add(wal.AppendAsync(new byte[] { (byte)i }));
        Assert.All(appends, append => Assert.False(append.IsCompleted));
        long syncs = counting.Calls(FileOperation.Sync);
        Assert.True(wal.RunOnce());
        Assert.False(wal.RunOnce());
        Assert.Equal(syncs + 1, counting.Calls(FileOperation.Sync));
        foreach (ValueTask<WalPosition> append in appends) Assert.NotEqual(default, await append);
        Assert.Equal(100, wal.ReadFrom(WalPosition.Start).Count());
        await wal.DisposeAsync();
    }

    [Fact]
    public async Task A_full_queue_makes_appends_wait_their_turn_and_honours_cancellation()
    {
        var files = new MemoryFileSystem();
        WalOptions options = Support.Options(files) with { RunLoop = false, QueueBytesMax = 100 };
        (Wal wal, _) = await Wal.OpenAsync(options);
        using var cancelled = new CancellationTokenSource();
        ValueTask<WalPosition> first = wal.AppendAsync(new byte[90]);
        ValueTask<WalPosition> second = wal.AppendAsync(new byte[91]);
        ValueTask<WalPosition> third = wal.AppendAsync(new byte[92], 0, cancelled.Token);
        ValueTask<WalPosition> fourth = wal.AppendAsync(new byte[1]);
        ValueTask sync = wal.SyncAsync();
        await cancelled.CancelAsync();
        Assert.True(wal.RunOnce());
        Assert.True(first.IsCompleted);
        Assert.False(second.IsCompleted);
        while (wal.RunOnce())
        {
        }

        Assert.True(await first < await second);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await third);
        Assert.True(await fourth > WalPosition.Start);
        await sync;
        Assert.Equal([90, 91, 1], wal.ReadFrom(WalPosition.Start).Select(record => record.Payload.Length));
        await wal.DisposeAsync();
    }

    [Fact]
    public async Task A_failed_sync_fails_the_log_for_ever_and_everybody_who_waits()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem());
        (Wal wal, _) = await Wal.OpenAsync(Support.Options(files) with { RunLoop = false });
        files.Add(new FaultRule { Operation = FileOperation.Sync, Errno = Errno.IO, Times = 1 });
        ValueTask<WalPosition> first = wal.AppendAsync(new byte[1]);
        ValueTask<WalPosition> second = wal.AppendAsync(new byte[1]);
        wal.RunOnce();
        await Assert.ThrowsAsync<WalFailedException>(async () => await first);
        await Assert.ThrowsAsync<WalFailedException>(async () => await second);
        WalFailedException later = await Assert.ThrowsAsync<WalFailedException>(
            async () => await wal.AppendAsync(new byte[1]));
        Assert.Equal("sync", Assert.IsType<StorageException>(later.InnerException).Operation);
        await Assert.ThrowsAsync<WalFailedException>(async () => await wal.SyncAsync());
        Assert.NotNull(wal.Failure);
        long syncs = files.Calls(FileOperation.Sync);
        await wal.DisposeAsync();
        Assert.Equal(syncs, files.Calls(FileOperation.Sync));
    }

    [Theory]
    [InlineData(SyncPolicy.Batch)]
    [InlineData(SyncPolicy.Os)]
    public async Task A_full_disk_refuses_appends_and_ends_when_there_is_room_again(SyncPolicy policy)
    {
        var files = new MemoryFileSystem { CapacityBytes = 40 << 10 };
        WalOptions options = Support.Options(files, 16 << 10) with { Sync = policy };
        (Wal wal, _) = await Wal.OpenAsync(options);
        int acknowledged = 0;
        StorageException? full = null;
        while (full is null)
        {
            try
            {
                await wal.AppendAsync(new byte[700]);
                acknowledged++;
            }
            catch (StorageException e)
            {
                full = e;
            }
        }

        Assert.True(full.IsDiskFull);
        Assert.Null(wal.Failure);
        files.CapacityBytes = 80 << 10;
        await wal.AppendAsync(new byte[700]);
        await wal.SyncAsync();
        await wal.DisposeAsync();
        (Wal again, _) = await Wal.OpenAsync(options);
        Assert.Equal(acknowledged + 1, again.ReadFrom(WalPosition.Start).Count());
        await again.DisposeAsync();
    }

    [Fact]
    public async Task Segments_are_deleted_in_order_with_what_was_queued()
    {
        var files = new MemoryFileSystem();
        (Wal wal, _) = await Wal.OpenAsync(Support.Options(files, 16 << 10));
        WalPosition last = default;
        for (int i = 0; i < 100; i++) last = await wal.AppendAsync(new byte[1000]);
        await wal.DeleteSegmentsBefore(last);
        Assert.Single(wal.Segments);
        Assert.All(wal.ReadFrom(WalPosition.Start), record => Assert.Equal(last.Segment, record.Position.Segment));
        await wal.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await wal.AppendAsync(new byte[1]));
    }

    [Fact]
    public async Task A_batch_window_waits_for_company_at_most_its_length_and_not_when_idle()
    {
        var files = new MemoryFileSystem();
        (Wal wal, _) = await Wal.OpenAsync(Support.Options(files) with { BatchWindow = TimeSpan.FromMilliseconds(2) });
        for (int round = 0; round < 20; round++)
        {
            // First with company, then alone: the lone append waits for the window once and completes.
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => wal.AppendAsync(new byte[10]).AsTask()));
            await wal.AppendAsync(new byte[10]);
        }

        await wal.DisposeAsync();
        using WalLog log = WalLog.Open(Support.Options(files), out RecoveryReport report);
        Assert.Equal(180, report.Records);
    }

    [Fact]
    public async Task An_idle_log_notes_how_far_it_is_durable()
    {
        var files = new MemoryFileSystem();
        (Wal wal, _) = await Wal.OpenAsync(Support.Options(files) with { IdleMarkDelay = TimeSpan.FromMilliseconds(1) });
        WalPosition position = await wal.AppendAsync(new byte[100]);
        Assert.True(SpinWait.SpinUntil(() => wal.End > wal.DurableEnd, TimeSpan.FromSeconds(60)));
        MemoryFileSystem crashed = files.Crash(1, CrashMode.ProcessOnly);
        crashed.Corrupt($"{Support.Directory}/{1:D20}.wal", position.Offset + 30, 1);
        Assert.Throws<CorruptionException>(() => WalLog.Open(Support.Options(crashed), out _));
        await wal.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_drains_and_is_idempotent()
    {
        var files = new MemoryFileSystem();
        (Wal wal, _) = await Wal.OpenAsync(Support.Options(files));
        var appends = new List<Task>();
        for (int i = 0; i < 100; i++) appends.Add(wal.AppendAsync(new byte[100]).AsTask());
        await Task.WhenAll(wal.DisposeAsync().AsTask(), wal.DisposeAsync().AsTask());
        await Task.WhenAll(appends);
        using WalLog log = WalLog.Open(Support.Options(files), out RecoveryReport report);
        Assert.True(report.CleanShutdown);
        Assert.Equal(100, report.Records);
    }

    [Fact]
    public async Task What_was_written_before_the_disk_was_full_is_synced_before_it_is_acknowledged()
    {
        var memory = new MemoryFileSystem();
        var files = new FaultInjectingFileSystem(memory);
        WalOptions options = Support.Options(files) with
        {
            RunLoop = false, RecordBytesMax = 1000, BatchBytesMax = 1500, ZeroAheadBytesMax = 0,
        };
        (Wal wal, _) = await Wal.OpenAsync(options);
        files.Add(new FaultRule { Operation = FileOperation.Write, Errno = Errno.NoSpace, AfterCalls = 1 });
        // Too large for one batch: the round writes two.
        Task<WalPosition> written = wal.AppendAsync(new byte[1000], 7).AsTask(), refused = wal.AppendAsync(new byte[1000], 8).AsTask();
        wal.RunOnce();
        WalPosition position = await written;
        Assert.True((await Assert.ThrowsAsync<StorageException>(() => refused)).IsDiskFull);
        Assert.True(wal.DurableEnd > position);
        WalOptions lost = options with { FileSystem = memory.Crash(1, CrashMode.DropUnsynced) };
        using (WalLog log = WalLog.Open(lost, out _)) Assert.Equal(7, Assert.Single(Support.ReadAll(log)).Type);
        await wal.DisposeAsync();
    }

    [Theory]
    [InlineData(SyncPolicy.Os, true)]
    [InlineData(SyncPolicy.Batch, true)]
    [InlineData(SyncPolicy.Batch, false)]
    public async Task Whoever_disposes_it_second_waits_until_its_directory_is_closed(SyncPolicy policy, bool loop)
    {
        using ManualResetEventSlim stands = new(), goesOn = new();
        var files = new FaultInjectingFileSystem(new MemoryFileSystem());
        WalOptions options = Support.Options(files) with { Sync = policy, RunLoop = loop };
        (Wal wal, _) = await Wal.OpenAsync(options);
        files.Add(new FaultRule
        {
            Operation = FileOperation.Sync, Errno = 0,
            Action = _ =>
            {
                stands.Set();
                goesOn.Wait();
            },
        });
        Task first = Task.Run(async () => await wal.DisposeAsync());
        stands.Wait(TestContext.Current.CancellationToken);
        Task second = wal.DisposeAsync().AsTask();
        Assert.False(second.IsCompleted);
        goesOn.Set();
        await second;
        (Wal again, _) = await Wal.OpenAsync(options);
        await again.DisposeAsync();
        await first;
    }

    [Fact]
    public async Task Appending_allocates_next_to_nothing()
    {
        var files = new MemoryFileSystem();
        (Wal wal, _) = await Wal.OpenAsync(
            Support.Options(files, 64 << 20) with { RunLoop = false, ZeroAheadBytesMax = 0 });
        byte[] payload = new byte[10];
        var appends = new ValueTask<WalPosition>[500];
        void Append()
        {
            for (int i = 0; i < appends.Length; i++) appends[i] = wal.AppendAsync(payload);
        }

        long least = long.MaxValue;
        for (int round = 0; round < 8; round++)
        {
            least = Math.Min(least, Allocations.Least(Append, runs: 1));
            wal.RunOnce();
            foreach (ValueTask<WalPosition> append in appends) await append;
        }

        Assert.True(least == 0, $"500 appends allocated {least} bytes");
        await wal.DisposeAsync();
    }
}
