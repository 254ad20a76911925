using Nori.IO;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>A node that is started where nothing more can be written: it serves what it has, and goes on when there is space.</summary>
public sealed class FullDiskStartTests
{
    private const FileOperation Writes = FileOperation.Write | FileOperation.SetLength | FileOperation.Create;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_node_alone_starts_reads_refuses_writes_and_goes_on_when_there_is_space(bool powerLost)
    {
        var disk = new MemoryFileSystem(1);
        var time = new ManualTime();
        SteppedNode node = Start(disk, time);
        for (int i = 0; i < 40; i++) Assert.True(node.Put($"k{i}", $"v{i}").IsOk);
        ulong epoch = node.Node.BootEpoch;
        if (powerLost) disk = disk.Crash(3);
        else node.Stop();

        var files = new FaultInjectingFileSystem(disk);
        Fill(files);
        node = Start(files, time);
        Assert.Equal(epoch + 1, node.Node.BootEpoch);
        Assert.Contains(node.Node.Warnings, w => w.StartsWith("Disk full", StringComparison.Ordinal));
        for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", node.Read($"k{i}"));
        KvError refused = node.Put("k0", "other").Error!;
        Assert.Equal(KvCode.Overloaded, refused.Code);
        Assert.StartsWith("Disk full", refused.Message);
        Assert.Equal(HealthStatus.Degraded, node.Node.Health.Status);

        files.ClearRules();
        Pass(node);
        Assert.True(node.Put("k0", "other").IsOk);
        Assert.Equal("other", node.Read("k0"));
        Assert.Equal(HealthStatus.Healthy, node.Node.Health.Status);
        node.Stop();

        node = Start(disk, time);
        Assert.Equal(epoch + 2, node.Node.BootEpoch);
        Assert.Equal("other", node.Read("k0"));
        Assert.Equal("v39", node.Read("k39"));
        node.Stop();
    }

    [Fact]
    public void No_life_on_a_full_disk_changes_what_the_next_one_finds()
    {
        var disk = new MemoryFileSystem(1);
        var time = new ManualTime();
        SteppedNode node = Start(disk, time);
        for (int i = 0; i < 40; i++) Assert.True(node.Put($"k{i}", $"v{i}").IsOk);
        for (ulong life = 0; life < 4; life++)
        {
            disk = disk.Crash(life);
            var files = new FaultInjectingFileSystem(disk);
            Fill(files);
            node = Start(files, time);
            Pass(node);
            for (int i = 0; i < 40; i++) Assert.Equal($"v{i}", node.Read($"k{i}"));
        }

        node = Start(disk.Crash(9), time);
        for (int i = 0; i < 40; i++) Assert.True(node.Put($"k{i}", "w").IsOk);
        node.Stop();
    }

    [Fact]
    public void In_its_place_an_identity_needs_no_space()
    {
        var disk = new MemoryFileSystem(1);
        SteppedNode node = Start(disk);
        ulong epoch = node.Node.BootEpoch;
        node.Stop();
        var files = new FaultInjectingFileSystem(disk);
        files.Add(new FaultRule { Operation = FileOperation.Create, Errno = Errno.NoSpace, Times = FaultRule.Forever });
        node = Start(files);
        Assert.Empty(node.Node.Warnings);
        Assert.Equal(epoch + 1, node.Node.BootEpoch);

        // Without an orderly end: it is on disk.
        node = Start(disk.Crash(2));
        Assert.Equal(epoch + 2, node.Node.BootEpoch);
        node.Stop();
    }

    [Fact]
    public void A_torn_identity_in_its_place_leaves_the_other_copy()
    {
        for (int copy = 0; copy < 2; copy++)
        {
            var disk = new MemoryFileSystem(1);
            SteppedNode node = Start(disk);
            ulong epoch = node.Node.BootEpoch;
            node.Stop();
            var files = new FaultInjectingFileSystem(disk);
            files.Add(new FaultRule { Operation = FileOperation.Create, Errno = Errno.NoSpace, Times = FaultRule.Forever });
            files.Add(new FaultRule
            {
                Operation = FileOperation.Write,
                PathPattern = "identity.?",
                AfterCalls = copy,
                PartialBytes = 20,
                Errno = Errno.IO,
            });
            Assert.Throws<StorageException>(() => Start(files));
            node = Start(disk.Crash(2));
            Assert.InRange(node.Node.BootEpoch, epoch + 1, epoch + 2);
            node.Stop();
        }
    }

    [Fact]
    public void Of_three_nodes_the_one_that_starts_full_follows_without_a_vote_and_catches_up()
    {
        var cluster = new SteppedCluster(3, 4, static o => o with { DiskReserveBytes = 0 });
        cluster.AwaitLeaders();
        for (int i = 0; i < 20; i++) Assert.True(cluster.Put($"k{i}", "v").IsOk);
        cluster.Crash(2, 7);
        Fill(cluster.Files[2]);
        cluster.Start(2);
        cluster.AwaitLeaders();
        for (int i = 0; i < 20; i++) Assert.True(cluster.Put($"k{i}", "w").IsOk);
        cluster.Run(2000);
        Assert.All(Enumerable.Range(0, 4), s => Assert.NotEqual(2, cluster.LeaderOf((uint)s)));
        Assert.Null(cluster.Nodes[2]!.NotReadyReason);

        // A write that comes to it and would leave it under a session of a life that nobody will remember is refused.
        KvResult<PutResult> put = cluster.Await(cluster.BeginPut(2, "k1", "x"));
        Assert.Equal(KvCode.Overloaded, put.Error!.Code);

        cluster.Files[2].ClearRules();
        cluster.RunUntil(
            () => Enumerable.Range(0, 4).All(s => cluster.Dump(2, (uint)s) == cluster.Dump(0, (uint)s)), "it has caught up");
        cluster.Run(1500);
        Assert.True(cluster.Await(cluster.BeginPut(2, "k1", "x")).IsOk);
        for (int i = 0; i < 3; i++) cluster.Stop(i);
    }

    private static void Fill(FaultInjectingFileSystem files) =>
        files.Add(new FaultRule { Operation = Writes, Errno = Errno.NoSpace, Times = FaultRule.Forever });

    private static void Pass(SteppedNode node)
    {
        for (int i = 0; i < 30; i++)
        {
            node.Time.AdvanceMs(100);
            node.RunUntilIdle();
        }
    }
}
