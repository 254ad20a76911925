using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>faults.md P8: a directory as it was before, put back, is found out before its node takes part in anything.</summary>
public sealed class OldCopyTests
{
    private const string File = $"{SteppedNode.Data}/{PeerMemory.FileName}";

    [Fact]
    public void An_old_copy_that_comes_back_among_running_nodes_stops_for_good()
    {
        (SteppedCluster cluster, int node, MemoryFileSystem old) = WithCopy();
        Restart(cluster, node);
        cluster.Crash(node, 2);
        PutBack(cluster, node, old);
        AssertStops(cluster, node);
        // Also where nobody is there who could tell it.
        cluster.Crash(node, 3);
        cluster.Network.Isolate(cluster.Numbers[node].Value);
        Assert.Contains("old copy", Assert.Throws<NodeStartException>(() => cluster.Start(node)).Message);
    }

    // A copy of the process right before has the boot epoch that its original had.
    [Fact]
    public void An_old_copy_is_found_out_by_nodes_that_were_all_restarted_too()
    {
        (SteppedCluster cluster, int node, MemoryFileSystem old) = WithCopy();
        Restart(cluster, node);
        for (int i = 0; i < 3; i++) cluster.Crash(i, 2);
        PutBack(cluster, node, old);
        for (int i = 0; i < 3; i++)
        {
            if (i != node) cluster.Start(i);
        }

        AssertStops(cluster, node);
        Assert.Equal("v", cluster.Read(cluster.LeaderOf("k"), "k"));
    }

    [Fact]
    public void An_old_copy_that_crashed_until_its_boot_epoch_was_higher_is_found_out()
    {
        (SteppedCluster cluster, int node, MemoryFileSystem old) = WithCopy();
        Restart(cluster, node);
        cluster.Crash(node, 2);
        cluster.Network.Isolate(cluster.Numbers[node].Value);
        PutBack(cluster, node, old);
        for (ulong i = 0; i < 4; i++)
        {
            cluster.Run(100);
            cluster.Crash(node, 3 + i);
            cluster.Start(node);
        }

        cluster.Network.Heal();
        AssertStops(cluster, node);
    }

    // Its own marks are those that they hold; theirs it has forgotten.
    [Fact]
    public void A_copy_from_before_its_peers_were_restarted_is_found_out()
    {
        (SteppedCluster cluster, int node, MemoryFileSystem old) = WithCopy();
        Restart(cluster, (node + 1) % 3);
        Restart(cluster, (node + 2) % 3);
        cluster.Crash(node, 2);
        PutBack(cluster, node, old);
        AssertStops(cluster, node);
    }

    [Fact]
    public void A_process_that_nobody_has_vouched_for_makes_no_majority()
    {
        var cluster = new SteppedCluster(shards: 1);
        Assert.True(cluster.Put("k", "v").IsOk);
        int leader = cluster.LeaderOf(0), node = (leader + 1) % 3;
        cluster.Crash(leader, 1);
        cluster.Crash(node, 2);
        cluster.Frozen.Add((node, "vouch"));
        cluster.Start(node);
        cluster.Run(5000);
        Assert.Equal(-1, cluster.LeaderOf(0));
        cluster.Frozen.Clear();
        cluster.AwaitLeaders();
    }

    [Fact]
    public void A_copy_of_the_same_process_is_found_out_a_minute_later()
    {
        (SteppedCluster cluster, int node, MemoryFileSystem old) = WithCopy();
        cluster.Time.AdvanceMs((long)PeerVouching.Period.TotalMilliseconds);
        cluster.Run(200);
        cluster.AwaitLeaders();
        cluster.Crash(node, 2);
        PutBack(cluster, node, old);
        AssertStops(cluster, node);
    }

    [Fact]
    public void Peers_that_are_restarted_again_and_again_go_on_knowing_each_other()
    {
        var cluster = new SteppedCluster(shards: 1);
        for (ulong i = 0; i < 12; i++)
        {
            Assert.True(cluster.Put("k", $"v{i}").IsOk);
            int node = (int)(i % 3);
            if (i % 2 == 0) cluster.Stop(node);
            else cluster.Crash(node, i);
            cluster.Start(node);
            cluster.Run(30 * (int)(i % 4));
        }

        Assert.True(cluster.Put("k", "last").IsOk);
        cluster.Run(3000);
        Assert.All(Enumerable.Range(0, 3), i => Assert.Equal("last", cluster.Read(i, "k")));
    }

    // However often: of a node that is away one mark waits, and no other is made.
    [Fact]
    public void A_node_that_was_away_while_another_was_restarted_often_knows_it_again()
    {
        var cluster = new SteppedCluster(shards: 1);
        Assert.True(cluster.Put("k", "v").IsOk);
        cluster.Crash(2, 1);
        for (ulong i = 0; i < 20; i++)
        {
            cluster.Crash(0, 2 + i);
            cluster.Start(0);
            cluster.Run(100);
        }

        cluster.Start(2);
        // The two of them are a majority only if they know each other.
        cluster.Run(1000);
        cluster.Crash(1, 50);
        Assert.True(cluster.Put("k", "w").IsOk);
    }

    [Fact]
    public void A_node_whose_memory_of_its_peers_is_damaged_does_not_start()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        cluster.Stop(0);
        cluster.Disks[0].Corrupt(File, 12, 0x10);
        Assert.Contains(PeerMemory.FileName, Assert.Throws<CorruptionException>(() => cluster.Start(0)).Message);
    }

    [Fact]
    public void A_node_that_lost_its_memory_of_its_peers_counts_as_an_old_copy()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        cluster.Stop(0);
        cluster.Disks[0].Delete(File);
        cluster.Start(0);
        AssertStops(cluster, 0);
    }

    // It had no way to make a mark, nor to keep one: whoever vouches goes by those that there are.
    [Fact]
    public void Nodes_on_full_disks_know_each_other_by_the_marks_that_they_have()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        cluster.Run(100);
        for (int i = 0; i < 3; i++)
        {
            cluster.Stop(i);
            cluster.Files[i].Add(new FaultRule
            {
                Operation = FileOperation.Write, PathPattern = $"{PeerMemory.FileName}.tmp", Errno = Errno.NoSpace,
                Times = FaultRule.Forever,
            });
        }

        for (int i = 0; i < 3; i++) cluster.Start(i);
        cluster.AwaitLeaders();
        for (int i = 0; i < 3; i++) cluster.Files[i].ClearRules();
        cluster.Run(1000);
        Restart(cluster, 0);
        Assert.True(cluster.Put("k", "v").IsOk);
        Assert.All(cluster.Nodes, n => Assert.Null(n!.NotReadyReason));
    }

    [Fact]
    public void What_a_process_before_the_one_heard_last_says_does_not_count()
    {
        var peer = new NodeNumber(2);
        var liveness = new NodeLiveness([peer], TimeSpan.FromSeconds(1), new ManualTime());
        var later = new PeerBatch(peer, new NodeNumber(1), 3, true, 0, 0, 0);
        Assert.True(liveness.TryHear(later, out _));
        Assert.False(liveness.TryHear(later with { BootEpoch = 2 }, out _));
        Assert.True(liveness.TryHear(later, out _));
    }

    [Fact]
    public void Bytes_that_are_none_of_these_are_refused()
    {
        var memory = new PeerMemory(false, [new(new NodeNumber(1), 2, 3, 4), new(new NodeNumber(300), 0, 0, 9)]);
        byte[] file = memory.Encode();
        Assert.Equal(memory.Marks, PeerMemory.TryDecode(file)!.Marks);
        var present = new VouchFrame(VouchKind.Present, new NodeNumber(1), new NodeNumber(2), 3, 4);
        byte[] frame = present.Encode(7);
        Assert.True(VouchFrame.TryDecode(frame, 7, out VouchFrame read));
        Assert.Equal(present, read);
        Assert.False(VouchFrame.TryDecode(frame, 8, out _));
        Assert.False(VouchFrame.TryDecode((present with { Known = 5 }).Encode(7), 7, out _));
        for (int bit = 0; bit < file.Length * 8; bit++) Assert.Null(PeerMemory.TryDecode(Flipped(file, bit)));
        for (int bit = 0; bit < frame.Length * 8; bit++) Assert.False(VouchFrame.TryDecode(Flipped(frame, bit), 7, out _));
    }

    private static byte[] Flipped(byte[] bytes, int bit)
    {
        byte[] flipped = [.. bytes];
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return flipped;
    }

    private static (SteppedCluster Cluster, int Node, MemoryFileSystem Old) WithCopy()
    {
        var cluster = new SteppedCluster(shards: 1);
        Assert.True(cluster.Put("k", "v").IsOk);
        cluster.Run(200);
        int node = (cluster.LeaderOf(0) + 1) % 3;
        return (cluster, node, cluster.Disks[node].Crash(1, CrashMode.DropUnsynced));
    }

    private static void Restart(SteppedCluster cluster, int node)
    {
        cluster.Crash(node, 1);
        cluster.Start(node);
        cluster.Run(300);
    }

    private static void PutBack(SteppedCluster cluster, int node, MemoryFileSystem old)
    {
        cluster.Disks[node] = old;
        cluster.Files[node] = new FaultInjectingFileSystem(old);
        cluster.Start(node);
    }

    // The others lead and serve without it.
    private static void AssertStops(SteppedCluster cluster, int node)
    {
        cluster.RunUntil(() => cluster.Nodes[node]!.NotReadyReason is not null, "the copy stops");
        Assert.Contains("is an old copy", cluster.Nodes[node]!.NotReadyReason);
        Assert.Contains("norikv cluster replace", cluster.Nodes[node]!.NotReadyReason);
        cluster.AwaitLeaders();
        Assert.NotEqual(node, cluster.LeaderOf(0));
        Assert.All(Enumerable.Range(0, 3).Where(i => i != node), i => Assert.Null(cluster.Nodes[i]!.NotReadyReason));
    }
}
