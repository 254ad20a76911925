using System.Diagnostics;
using System.Text;
using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>The node with its own threads, on the real clock.</summary>
public sealed class LoopTests
{
    private static NodeOptions LoopOptions(IFileSystem files, int shards = 1024) => new()
    {
        NodeName = "n1",
        DataDirectory = Data,
        FileSystem = files,
        TotalShards = shards,
        LogSegmentBytes = 8 << 20,
        MemtableBytes = 8 << 20,
        BlockCacheBytes = 8 << 20,
        DiskReserveBytes = 0,
    };

    [Fact]
    public async Task Concurrent_callers_are_all_served_and_everything_survives_a_restart()
    {
        var files = new MemoryFileSystem(1);
        NoriNode node = await NoriNode.StartAsync(LoopOptions(files));
        var versions = new KvVersion[2000];
        await Parallel.ForAsync(0, versions.Length, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) =>
        {
            KvResult<PutResult> put = await node.PutAsync(Bytes($"k{i}"), Bytes($"v{i}"), new PutOptions(), Context);
            versions[i] = put.Value.Version;
            KvResult<GetResult> got = await node.GetAsync(Bytes($"k{i}"), ReadOptions.Default, Context);
            Assert.Equal(versions[i], got.Value.Version);
        });
        await node.StopAsync(TimeSpan.FromSeconds(5));

        node = await NoriNode.StartAsync(LoopOptions(files));
        for (int i = 0; i < versions.Length; i++)
        {
            GetResult got = (await node.GetAsync(Bytes($"k{i}"), ReadOptions.Default, Context)).Value;
            Assert.Equal(versions[i], got.Version);
            Assert.Equal($"v{i}", Encoding.UTF8.GetString(got.Value.Span));
        }

        await node.StopAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Of_concurrent_compare_and_sets_on_one_version_exactly_one_wins()
    {
        NoriNode node = await NoriNode.StartAsync(LoopOptions(new MemoryFileSystem(1), 4));
        KvVersion version = (await node.PutAsync(Bytes("k"), Bytes("0"), new PutOptions(), Context)).Value.Version;
        for (int round = 0; round < 20; round++)
        {
            var options = new PutOptions { IfMatch = version };
            KvResult<PutResult>[] results = await Task.WhenAll(Enumerable.Range(0, 16).Select(
                i => Task.Run(() => node.PutAsync(Bytes("k"), Bytes($"{i}"), options, Context).AsTask())));
            version = Assert.Single(results, r => r.IsOk).Value.Version;
        }

        await node.StopAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_thousand_shards_start_well_within_a_second()
    {
        var files = new MemoryFileSystem(1);
        await (await NoriNode.StartAsync(LoopOptions(files))).StopAsync(TimeSpan.FromSeconds(5)); // Warm up the code.
        var fresh = new MemoryFileSystem(2);
        var watch = Stopwatch.StartNew();
        NoriNode node = await NoriNode.StartAsync(LoopOptions(fresh));
        TimeSpan first = watch.Elapsed;
        await node.StopAsync(TimeSpan.FromSeconds(5));
        watch.Restart();
        node = await NoriNode.StartAsync(LoopOptions(fresh));
        TimeSpan again = watch.Elapsed;
        await node.StopAsync(TimeSpan.FromSeconds(5));
        TestContext.Current.SendDiagnosticMessage($"start {first.TotalMilliseconds} ms, restart {again.TotalMilliseconds} ms");
        // Alone on the machine it is some tens of milliseconds; the bound leaves room for a busy one.
        Assert.InRange(first, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.InRange(again, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_deadline_is_answered_while_the_disk_stands_still()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        NoriNode node = await NoriNode.StartAsync(LoopOptions(files, 4));
        using var stall = new ManualResetEventSlim();
        files.Add(new FaultRule
        {
            Operation = FileOperation.Sync,
            PathPattern = "**/log/*",
            Errno = 0,
            Action = _ => stall.Wait(TimeSpan.FromSeconds(20)),
        });
        long deadline = TimeProvider.System.GetTimestamp() + (TimeProvider.System.TimestampFrequency / 2);
        var context = new RequestContext(deadline, "", CancellationToken.None);
        KvResult<PutResult> first = await node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), context);
        Assert.Equal(KvCode.CommitTimeout, first.Error!.Code);
        Assert.True(TimeProvider.System.GetTimestamp() < deadline + TimeProvider.System.TimestampFrequency);
        stall.Set();
        Assert.True((await node.PutAsync(Bytes("k2"), Bytes("v"), new PutOptions(), Context)).IsOk);
        Assert.True((await node.GetAsync(Bytes("k"), ReadOptions.Default, Context)).Value.Found);
        await node.StopAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Stopping_answers_what_is_in_flight()
    {
        NoriNode node = await NoriNode.StartAsync(LoopOptions(new MemoryFileSystem(1), 16));
        Task<KvResult<PutResult>>[] puts = [.. Enumerable.Range(0, 500)
            .Select(i => node.PutAsync(Bytes($"k{i}"), Bytes("v"), new PutOptions(), Context).AsTask())];
        await node.StopAsync(TimeSpan.FromSeconds(5));
        Assert.All(await Task.WhenAll(puts), r => Assert.True(r.IsOk, r.Error?.Message));
    }
}
