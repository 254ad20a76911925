using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>What the node does when its disk fails.</summary>
public sealed class StorageFailureTests
{
    [Fact]
    public void A_failing_sync_stops_every_acknowledgement_and_says_why()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        SteppedNode node = Start(files);
        Assert.True(node.Put("before", "v").IsOk);
        files.Add(new FaultRule { Operation = FileOperation.Sync, PathPattern = "**/log/*", Times = 1, Errno = Errno.IO });

        Task<KvResult<PutResult>> written = node.Node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), Context).AsTask();
        node.RunUntilIdle();
        Assert.Equal(KvCode.CommitTimeout, Answer(written).Error!.Code);
        Assert.StartsWith("COMMIT_TIMEOUT", Answer(written).Error!.Message);

        // The second sync would succeed: it must not be tried, and nothing more be taken or shown.
        Assert.Equal(KvCode.Unavailable, node.Put("k2", "v").Error!.Code);
        Assert.Equal(KvCode.Unavailable, node.Get("before").Error!.Code);
        Assert.Equal(KvCode.Unavailable, node.Scan(new ScanOptions()).Error!.Code);
        Assert.Contains("log failed", node.Node.NotReadyReason);
        Assert.Equal(HealthStatus.Unhealthy, node.Node.Health.Status);
        Assert.All(node.Node.View.Shards, s => Assert.False(s.Replicas[0].IsLeader));
        node.Stop();
    }

    [Fact]
    public void What_was_queued_when_the_log_failed_was_not_done()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        SteppedNode node = Start(files, configure: o => o with { MaxInFlight = 100 });
        files.Add(new FaultRule
        {
            Operation = FileOperation.Sync,
            PathPattern = "**/log/*",
            Times = 1,
            Errno = Errno.IO,
            Action = _ => _queued = node.Node.PutAsync(Bytes("later"), Bytes("v"), new PutOptions(), Context).AsTask(),
        });
        Task<KvResult<PutResult>> written = node.Node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), Context).AsTask();
        node.RunUntilIdle();
        Assert.Equal(KvCode.CommitTimeout, Answer(written).Error!.Code);
        Assert.Equal(KvCode.Unavailable, Answer(_queued!).Error!.Code);
        Assert.Contains("was not done", Answer(_queued!).Error!.Message);
        node.Stop();
    }

    private Task<KvResult<PutResult>>? _queued;

    [Fact]
    public void A_failing_sync_of_the_engine_stops_the_node_too()
    {
        var memory = new MemoryFileSystem(1);
        var files = new FaultInjectingFileSystem(memory);
        var time = new ManualTime();
        SteppedNode node = Start(files, time, o => o with { MemtableBytes = 8192 });
        var versions = new Dictionary<string, KvVersion>();
        files.Add(new FaultRule { Operation = FileOperation.Sync, PathPattern = "**/engine/*", Errno = Errno.IO });
        for (int i = 0; i < 200 && node.Node.NotReadyReason is null; i++)
        {
            KvResult<PutResult> put = node.Put($"k{i}", new string('v', 500));
            if (put.IsOk) versions[$"k{i}"] = put.Value.Version;
            time.AdvanceMs(50);
        }

        time.Advance(TimeSpan.FromSeconds(2));
        node.RunUntilIdle();
        Assert.Contains("engine failed", node.Node.NotReadyReason);
        Assert.Equal(KvCode.Unavailable, node.Put("k", "v").Error!.Code);
        Assert.Equal(KvCode.Unavailable, node.Get("k0").Error!.Code);
        node.Stop();

        node = Start(memory.Crash(3), time, o => o with { MemtableBytes = 8192 });
        foreach ((string key, KvVersion version) in versions) Assert.Equal(version, node.Get(key).Value.Version);
        node.Stop();
    }

    [Fact]
    public void Collecting_the_logs_garbage_on_a_full_disk_is_no_failure()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        SteppedNode node = Start(files, configure: o => o with { LogSegmentBytes = 64 << 10, MemtableBytes = 8192 });
        for (int i = 0; i < 100; i++) node.Put($"k{i % 9}", new string('v', 3000));
        node.Run(node.Node.SnapshotShardAsync(new ShardId(0), Context));
        files.Add(new FaultRule
        {
            Operation = FileOperation.Create,
            PathPattern = "**/log/*",
            Errno = Errno.NoSpace,
            Times = FaultRule.Forever,
        });
        for (int i = 0; i < 10; i++)
        {
            node.Time.Advance(TimeSpan.FromSeconds(2));
            node.RunUntilIdle();
        }

        files.ClearRules();
        Assert.Null(node.Node.NotReadyReason);
        Assert.True(node.Put("k", "v").IsOk);
        node.Stop();
    }

    [Fact]
    public void A_node_that_failed_starts_again_with_what_was_acknowledged()
    {
        var memory = new MemoryFileSystem(1);
        var files = new FaultInjectingFileSystem(memory);
        SteppedNode node = Start(files);
        KvVersion version = node.Put("k", "v").Value.Version;
        files.Add(new FaultRule { Operation = FileOperation.Sync, PathPattern = "**/log/*", Times = 1, Errno = Errno.IO });
        Task<KvResult<PutResult>> lost = node.Node.PutAsync(Bytes("k"), Bytes("w"), new PutOptions(), Context).AsTask();
        node.RunUntilIdle();
        Assert.False(Answer(lost).IsOk);
        node.Stop();

        node = Start(memory.Crash(7));
        GetResult got = node.Get("k").Value;
        Assert.True(got.Found && (got.Version == version || node.Read("k") == "w"));
        node.Stop();
    }

    [Fact]
    public void A_full_disk_refuses_writes_serves_reads_and_recovers_by_itself()
    {
        var files = new MemoryFileSystem(1);
        SteppedNode node = Start(files, configure: o => o with { DiskReserveBytes = 1 << 20 });
        node.Put("k", "v");
        long capacity = files.CapacityBytes;
        files.CapacityBytes = 0;
        node.Time.Advance(TimeSpan.FromSeconds(2));
        node.RunUntilIdle();
        KvError error = node.Put("k", "w").Error!;
        Assert.Equal(KvCode.Overloaded, error.Code);
        Assert.StartsWith("Disk full", error.Message);
        Assert.NotNull(error.RetryAfter);
        Assert.Equal("v", node.Read("k"));
        Assert.Equal(HealthStatus.Degraded, node.Node.Health.Status);

        files.CapacityBytes = capacity;
        node.Time.Advance(TimeSpan.FromSeconds(2));
        node.RunUntilIdle();
        Assert.True(node.Put("k", "w").IsOk);
        Assert.Equal(HealthStatus.Healthy, node.Node.Health.Status);
        node.Stop();
    }

    [Fact]
    public void A_log_that_meets_the_end_of_the_disk_refuses_and_goes_on()
    {
        var memory = new MemoryFileSystem(1);
        var files = new FaultInjectingFileSystem(memory);
        SteppedNode node = Start(files, configure: o => o with { LogSegmentBytes = 64 << 10 });
        files.Add(new FaultRule { Operation = FileOperation.Create, PathPattern = "**/log/*", Times = 1, Errno = Errno.NoSpace });
        string value = new('v', 10_000);
        int written = 0;
        Task<KvResult<PutResult>> waiting = Begin(node, "k0", value);
        for (; waiting.IsCompleted; waiting = Begin(node, $"k{++written}", value)) Assert.True(Answer(waiting).IsOk);

        // What is in the log's batch waits for space, its outcome open; what comes meanwhile is refused and was not done.
        KvError refused = node.Put("refused", value).Error!;
        Assert.Equal(KvCode.Overloaded, refused.Code);
        Assert.Contains("was not done", refused.Message);
        Assert.Null(node.Node.NotReadyReason);
        Assert.Equal(HealthStatus.Degraded, node.Node.Health.Status);

        node.Time.AdvanceMs(200);
        node.RunUntilIdle();
        Assert.True(Answer(waiting).IsOk);
        for (int i = 0; i <= written; i++) Assert.Equal(value, node.Read($"k{i}"));
        Assert.Null(node.Read("refused"));
        Assert.True(node.Put("refused", value).IsOk);
        node.Stop();
    }

    private static Task<KvResult<PutResult>> Begin(SteppedNode node, string key, string value)
    {
        Task<KvResult<PutResult>> put = node.Node.PutAsync(Bytes(key), Bytes(value), new PutOptions(), Context).AsTask();
        node.RunUntilIdle();
        return put;
    }

    [Fact]
    public void Maintenance_that_meets_the_end_of_the_disk_waits_for_space()
    {
        var memory = new MemoryFileSystem(1);
        var files = new FaultInjectingFileSystem(memory);
        SteppedNode node = Start(files, configure: o => o with { LogSegmentBytes = 64 << 10, MemtableBytes = 64 << 10 });
        string value = new('v', 10_000);
        for (int i = 0; i < 40; i++) Assert.True(node.Put($"k{i}", value).IsOk);
        node.RunUntilIdle();
        files.Add(new FaultRule
        {
            Operation = FileOperation.Create | FileOperation.Rename,
            PathPattern = "**/log/*",
            Times = FaultRule.Forever,
            Errno = Errno.NoSpace,
        });

        // To the last bytes of the segment, so that the garbage collector's own records would need a new one.
        int filled = 0;
        Task<KvResult<PutResult>> waiting = Begin(node, "fill0", "");
        while (waiting.IsCompleted) waiting = Begin(node, $"fill{++filled}", "");
        node.Time.Advance(TimeSpan.FromSeconds(2));
        node.RunUntilIdle();
        Assert.Null(node.Node.NotReadyReason);
        KvResult<ShardView> cut = node.Run(node.Node.SnapshotShardAsync(new ShardId(0), Context));
        Assert.Equal(KvCode.Overloaded, cut.Error!.Code);
        Assert.Equal(value, node.Read("k0"));

        files.ClearRules();
        node.Time.AdvanceMs(200);
        node.RunUntilIdle();
        Assert.True(Answer(waiting).IsOk);
        Assert.True(node.Put("k0", "again").IsOk);
        int segments = memory.List(Data + "/log").Count;
        node.Time.Advance(TimeSpan.FromSeconds(2));
        node.RunUntilIdle();
        Assert.True(memory.List(Data + "/log").Count < segments);
        node.Stop();
        node = Start(memory.Crash(3));
        Assert.Equal("again", node.Read("k0"));
        Assert.Equal(41 + filled, node.ScanAll(new ScanOptions()).Count);
        node.Stop();
    }

    [Fact]
    public void One_sync_serves_all_shards()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        SteppedNode node = Start(files);
        long before = files.Calls(FileOperation.Sync);
        Task<KvResult<PutResult>>[] puts = [.. Enumerable.Range(0, 100)
            .Select(i => node.Node.PutAsync(Bytes($"k{i}"), Bytes("v"), new PutOptions(), Context).AsTask())];
        node.RunUntilIdle();
        Assert.All(puts, p => Assert.True(Answer(p).IsOk));
        Assert.Equal(1, files.Calls(FileOperation.Sync) - before);
        node.Stop();
    }
}
