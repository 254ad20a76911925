using Nori.Core;
using Nori.IO;
using NoriKV.Client;
using NoriKV.Embedded;
using NoriKV.TestKit.Crashing;
using NoriKV.TestKit.Recording;
using NoriKV.Types;

namespace NoriKV.TestKit.Tests;

public sealed class CrashableTests
{
    private const int Keys = 5;

    [Theory]
    [InlineData(CrashMode.PowerLossGarbage)]
    [InlineData(CrashMode.DropUnsynced)]
    [InlineData(CrashMode.ProcessOnly)]
    public async Task What_was_answered_outlives_crashes_under_load(CrashMode mode)
    {
        await using CrashableNoriKV node = await CrashableNoriKV.OpenAsync(new CrashableOptions { Seed = 3 });
        HistoryRecorder recorder = new();
        INoriKV store = recorder.Wrap(node);
        int done = 0;
        bool stop = false;
        Task[] workers = [.. Enumerable.Range(0, 6).Select(w => Task.Run(() => WorkAsync(new Prng((ulong)w))))];
        for (int crash = 0; crash < 4; crash++)
        {
            int target = Volatile.Read(ref done) + 60;
            while (Volatile.Read(ref done) < target) await Task.Yield();
            await node.CrashAsync(mode);
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(workers);
        for (int key = 0; key < Keys; key++) await store.GetStringAsync($"k{key}");
        Assert.Equal(5, node.Lives);
        Assert.True(recorder.History.Count >= 240);
        recorder.ThrowIfNotLinearizable();

        async Task WorkAsync(Prng random)
        {
            while (!Volatile.Read(ref stop))
            {
                string key = $"k{random.NextInt(Keys)}";
                try
                {
                    if (random.NextInt(2) == 0) await store.GetStringAsync(key);
                    else await store.PutAsync(key, $"{random.NextUInt64()}");
                    Interlocked.Increment(ref done);
                }
                catch (NoriKVException)
                {
                    await Task.Yield();
                }
            }
        }
    }

    [Fact]
    public async Task A_write_that_is_answered_is_there_and_one_that_is_open_is_unknown()
    {
        await using CrashableNoriKV node = await CrashableNoriKV.OpenAsync();
        await node.PutAsync("kept", "1");
        using ManualResetEventSlim writing = new(), crashed = new();
        node.AddFault(new FaultRule
        {
            Operation = FileOperation.Sync,
            Errno = 0,
            Action = _ =>
            {
                writing.Set();
                crashed.Wait();
            },
        });
        // Neither on this thread, which holds the sync: a call may do what is due for the node on its way.
        Task<PutResult> open = Task.Run(() => node.PutAsync("open", "1").AsTask(), TestContext.Current.CancellationToken);
        writing.Wait(TestContext.Current.CancellationToken);
        Task crash = Task.Run(() => node.CrashAsync(CrashMode.DropUnsynced).AsTask(), TestContext.Current.CancellationToken);
        // The power goes off only behind this: the sync then finds no disk.
        while (node.Lives == 1) await Task.Yield();
        crashed.Set();
        await crash;
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => open);
        Assert.Equal("1", await node.GetStringAsync("kept"));
    }

    [Fact]
    public async Task A_failed_sync_ends_the_node_until_it_is_crashed()
    {
        await using CrashableNoriKV node = await CrashableNoriKV.OpenAsync();
        await node.PutAsync("a", "1");
        node.AddFault(new FaultRule { Operation = FileOperation.Sync });
        await Assert.ThrowsAnyAsync<NoriKVException>(async () => await node.PutAsync("a", "2"));
        node.ClearFaults();
        await Assert.ThrowsAnyAsync<NoriKVException>(async () => await node.PutAsync("a", "3"));
        await node.CrashAsync();
        await node.PutAsync("a", "4");
        Assert.Equal("4", await node.GetStringAsync("a"));
        Assert.Equal(1, await node.CountAsync(new ScanOptions()));
        Assert.Equal([("a", "4")], await node.ScanPrefixAsync("").ToListAsync());
    }

    [Fact]
    public async Task Options_that_cannot_be_used_are_refused()
    {
        CrashableOptions options = new() { Store = new EmbeddedOptions { DataDirectory = "/data", TotalShards = 0 } };
        ArgumentException e = await Assert.ThrowsAsync<ArgumentException>(
            async () => await CrashableNoriKV.OpenAsync(options));
        Assert.Contains("TotalShards", e.Message, StringComparison.Ordinal);
        Assert.Contains("DataDirectory must be null", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_was_disposed_refuses()
    {
        CrashableNoriKV node = await CrashableNoriKV.OpenAsync();
        await node.DisposeAsync();
        await node.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await node.PutAsync("a", "1"));
    }
}
