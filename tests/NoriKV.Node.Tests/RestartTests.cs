using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>The data directory and what a start does with it.</summary>
public sealed class RestartTests
{
    private readonly MemoryFileSystem _files = new(3);
    private readonly ManualTime _time = new();

    [Fact]
    public void A_restart_keeps_everything_and_raises_terms_and_epoch()
    {
        SteppedNode node = Start(_files, _time);
        KvVersion first = node.Put("k", "v").Value.Version;
        Guid cluster = node.Node.ClusterId;
        ulong viewEpoch = node.Node.View.Epoch;
        node.Stop();

        node = Start(_files, _time);
        Assert.Equal(first, node.Get("k").Value.Version);
        KvVersion second = node.Put("k", "w").Value.Version;
        Assert.True(second.Term > first.Term);
        Assert.True(second.Index > first.Index);
        Assert.Equal(cluster, node.Node.ClusterId);
        Assert.Equal(2UL, node.Node.BootEpoch);
        Assert.True(node.Node.View.Epoch > viewEpoch);
        node.Stop();
    }

    [Fact]
    public void A_second_process_is_refused()
    {
        SteppedNode node = Start(_files, _time);
        Assert.Throws<DirectoryLockedException>(() => Start(_files, _time));
        node.Stop();
        Start(_files, _time).Stop();
    }

    [Fact]
    public void Another_node_name_is_refused_with_both_names()
    {
        Start(_files, _time).Stop();
        NodeStartException error = Assert.Throws<NodeStartException>(
            () => Start(_files, _time, o => o with { NodeName = "n2" }));
        Assert.Contains("n1", error.Message);
        Assert.Contains("n2", error.Message);
        Start(_files, _time).Stop(); // The refusal let go of the lock.
    }

    [Fact]
    public void The_stored_number_of_shards_wins_with_a_warning()
    {
        SteppedNode node = Start(_files, _time);
        node.Put("k", "v");
        node.Stop();
        node = Start(_files, _time, o => o with { TotalShards = 16 });
        Assert.Contains(node.Node.Warnings, w => w.Contains("total_shards is 8"));
        Assert.Equal(8, node.Node.View.TotalShards);
        Assert.Equal("v", node.Read("k"));
        node.Stop();
    }

    [Fact]
    public void Other_hash_tags_are_refused()
    {
        Start(_files, _time).Stop();
        Assert.Contains("hash_tags", Assert.Throws<NodeStartException>(
            () => Start(_files, _time, o => o with { HashTags = true })).Message);
    }

    [Theory]
    [InlineData("identity.0")]
    [InlineData("identity.1")]
    public void One_damaged_copy_of_the_identity_is_healed(string name)
    {
        SteppedNode node = Start(_files, _time);
        Guid cluster = node.Node.ClusterId;
        node.Stop();
        _files.Corrupt($"{Data}/{name}", 20, 0x10);
        node = Start(_files, _time);
        Assert.Equal(cluster, node.Node.ClusterId);
        Assert.Contains(node.Node.Warnings, w => w.Contains(name));
        node.Stop();
        node = Start(_files, _time);
        Assert.Empty(node.Node.Warnings);
        node.Stop();
    }

    [Fact]
    public void Two_damaged_copies_of_the_identity_are_corruption()
    {
        Start(_files, _time).Stop();
        _files.Corrupt($"{Data}/identity.0", 20, 0x10);
        _files.Corrupt($"{Data}/identity.1", 20, 0x10);
        Assert.Throws<CorruptionException>(() => Start(_files, _time));
    }

    [Fact]
    public void Data_without_an_identity_is_refused()
    {
        Start(_files, _time).Stop();
        _files.Delete($"{Data}/identity.0");
        _files.Delete($"{Data}/identity.1");
        Assert.Contains("identity", Assert.Throws<NodeStartException>(() => Start(_files, _time)).Message);
    }

    [Fact]
    public void A_log_that_was_lost_is_corruption_and_not_a_new_beginning()
    {
        SteppedNode node = Start(_files, _time);
        node.Put("k", "v");
        node.Run(new ValueTask<KvResult<ShardView>>(FlushAsync(node)));
        node.Stop();
        _files.DeleteDirectory($"{Data}/log");
        Assert.Throws<CorruptionException>(() => Start(_files, _time));
    }

    // Before the first flush the engine has applied nothing: what was acknowledged stood in the log alone.
    [Fact]
    public void A_log_that_was_lost_before_the_first_flush_is_corruption_too()
    {
        SteppedNode node = Start(_files, _time);
        node.Put("k", "v");
        MemoryFileSystem crashed = _files.Crash(1);
        node.Stop();
        foreach (string name in crashed.List($"{Data}/log")) crashed.Delete($"{Data}/log/{name}");
        Assert.Contains("no segment of a log", Assert.Throws<CorruptionException>(() => Start(crashed, _time)).Message);
    }

    [Fact]
    public void Options_are_refused_with_every_problem()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => Start(_files, _time, o => o with { NodeName = "a b", TotalShards = 0 }));
        Assert.Contains("NodeName", error.Message);
        Assert.Contains("TotalShards", error.Message);
    }

    [Fact]
    public void A_thousand_shards_start_with_one_batch_and_few_syncs()
    {
        var counting = new FaultInjectingFileSystem(_files);
        SteppedNode node = Start(
            counting, _time, o => o with { TotalShards = 1024, LogSegmentBytes = 4 << 20, MemtableBytes = 4 << 20 });
        Assert.InRange(counting.Calls(FileOperation.Sync), 1, 20);
        Assert.All(node.Node.Health.Shards, s => Assert.Equal(new LogIndex(1), s.LastApplied));
        node.Stop();
    }

    private static Task<KvResult<ShardView>> FlushAsync(SteppedNode node) =>
        node.Node.SnapshotShardAsync(node.Node.ShardOf(Bytes("k")), Context).AsTask();
}
