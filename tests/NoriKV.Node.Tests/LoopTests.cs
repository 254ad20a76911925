using System.Text;
using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>The node with its own threads, on the real clock.</summary>
public sealed class LoopTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

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
        await node.StopAsync(Patience);

        node = await NoriNode.StartAsync(LoopOptions(files));
        for (int i = 0; i < versions.Length; i++)
        {
            GetResult got = (await node.GetAsync(Bytes($"k{i}"), ReadOptions.Default, Context)).Value;
            Assert.Equal(versions[i], got.Version);
            Assert.Equal($"v{i}", Encoding.UTF8.GetString(got.Value.Span));
        }

        await node.StopAsync(Patience);
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

        await node.StopAsync(Patience);
    }

    [Fact]
    public async Task A_thousand_shards_start_and_start_again()
    {
        var files = new MemoryFileSystem(1);
        for (ulong life = 1; life <= 2; life++)
        {
            long began = TimeProvider.System.GetTimestamp();
            NoriNode node = await NoriNode.StartAsync(LoopOptions(files)).AsTask().WaitAsync(Patience);
            // Some tens of milliseconds alone on the machine. What costs time is counted where no thread is: syncs and batches.
            TestContext.Current.SendDiagnosticMessage($"start {life}: {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds} ms");
            Assert.Equal(life, node.BootEpoch);
            await node.StopAsync(Patience);
        }
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
            Action = _ => stall.Wait(2 * Patience),
        });
        long deadline = TimeProvider.System.GetTimestamp() + (2 * TimeProvider.System.TimestampFrequency);
        var context = new RequestContext(deadline, "", CancellationToken.None);
        KvResult<PutResult> first = await node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), context)
            .AsTask().WaitAsync(Patience);
        Assert.Equal(KvCode.CommitTimeout, first.Error!.Code);
        stall.Set();
        Assert.True((await node.PutAsync(Bytes("k2"), Bytes("v"), new PutOptions(), Context)).IsOk);
        Assert.True((await node.GetAsync(Bytes("k"), ReadOptions.Default, Context)).Value.Found);
        await node.StopAsync(Patience);
    }

    [Fact]
    public async Task Stopping_answers_what_is_in_flight()
    {
        NoriNode node = await NoriNode.StartAsync(LoopOptions(new MemoryFileSystem(1), 16));
        Task<KvResult<PutResult>>[] puts = [.. Enumerable.Range(0, 500)
            .Select(i => node.PutAsync(Bytes($"k{i}"), Bytes("v"), new PutOptions(), Context).AsTask())];
        await node.StopAsync(Patience);
        Assert.All(await Task.WhenAll(puts), r => Assert.True(r.IsOk, r.Error?.Message));
    }
}
