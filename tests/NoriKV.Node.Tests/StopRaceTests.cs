using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>Calls that come while the node ends.</summary>
public sealed class StopRaceTests
{
    [Fact]
    public async Task A_write_that_was_let_in_just_before_the_node_stopped_is_answered()
    {
        var time = new HookedTime();
        NoriNode node = await NoriNode.StartAsync(Options(new MemoryFileSystem(1), new ManualTime()) with { Time = time });
        // The first look at the clock lies behind the check that the node takes writes, and before it is watched.
        time.OnNextTimestamp = () =>
        {
            Task stop = node.StopAsync(TimeSpan.FromSeconds(5)).AsTask();
            Assert.True(stop.IsCompletedSuccessfully);
        };
        Task<KvResult<PutResult>> put = node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), Context).AsTask();
        Assert.Null(time.OnNextTimestamp);
        node.RunOnce(); // Runs what the answer continues.
        Assert.Equal(KvCode.Unavailable, Answer(put).Error!.Code);
        Assert.Contains("was not done", Answer(put).Error!.Message);
    }

    [Fact]
    public async Task Whoever_stops_it_second_waits_until_its_directory_is_closed()
    {
        using ManualResetEventSlim stands = new(), goesOn = new();
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        NoriNode node = await NoriNode.StartAsync(Options(files, new ManualTime()));
        files.Add(new FaultRule
        {
            Operation = FileOperation.Sync, PathPattern = Data + "/log/*", Errno = 0,
            Action = _ =>
            {
                stands.Set();
                goesOn.Wait();
            },
        });
        Task first = Task.Run(async () => await node.StopAsync(TimeSpan.FromSeconds(5)));
        stands.Wait(TestContext.Current.CancellationToken);
        Task second = node.DisposeAsync().AsTask();
        Assert.False(second.IsCompleted);
        goesOn.Set();
        await second;
        await (await NoriNode.StartAsync(Options(files, new ManualTime()))).DisposeAsync();
        await first;
    }

    private sealed class HookedTime : TimeProvider
    {
        private readonly ManualTime _inner = new();

        public Action? OnNextTimestamp { get; set; }

        public override long TimestampFrequency => _inner.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => _inner.GetUtcNow();

        public override long GetTimestamp()
        {
            Action? hook = OnNextTimestamp;
            OnNextTimestamp = null;
            hook?.Invoke();
            return _inner.GetTimestamp();
        }
    }
}
