using Nori.IO;
using NoriKV.Node.Meta;
using NoriKV.Node.Recovery;
using NoriKV.Node.Tests.MetaGroup;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Recovery;

/// <summary>A majority is lost for ever: what is left becomes a cluster of its own.</summary>
public sealed class RecoveryTests
{
    private const int Keys = 24;

    [Fact]
    public void One_of_three_serves_everything_again_and_grows_to_three_by_itself()
    {
        GrowingCluster cluster = Three();
        Guid old = cluster.Status.ClusterId;
        KvVersion before = Version(cluster, "k1");
        Lose(cluster, 1, 2, 3);
        RecoveryPlan plan = Plan(cluster, 1);
        Assert.Equal(old, plan.OldCluster);
        Assert.Equal(["n2", "n3"], plan.Lost.Select(static l => l.Node));
        Assert.Equal(cluster.Shards, plan.Of(ShardVerdict.Partial).Count());
        Assert.All(plan.Shards, static s => Assert.Equal(["n1"], s.VotersHere));
        Assert.All(plan.Shards, static s => Assert.Equal(3, s.Voters.Count));

        Apply(cluster, plan);
        cluster.Start(1);
        for (int i = 0; i < Keys; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
        cluster.Put("k1", "again");
        Assert.True(Version(cluster, "k1").CompareTo(before) > 0);
        Assert.True(Version(cluster, "k1").Term > before.Term + (1 << 20) - 1);
        ClusterStatus status = cluster.Status;
        Assert.Equal(plan.NewCluster, status.ClusterId);
        Assert.NotEqual(old, status.ClusterId);
        Assert.Equal(["n1"], status.Nodes.Where(static n => n.Node.IsMember).Select(static n => n.Node.Name));
        Assert.Equal(1, status.EffectiveReplicationFactor);

        cluster.Join(4);
        cluster.Join(5);
        cluster.AwaitLevel(3);
        for (int i = 2; i < Keys; i++) Assert.Equal($"v{i}", cluster.Read($"k{i}"));
    }

    [Fact]
    public void Looking_changes_nothing_and_a_second_look_sees_the_same()
    {
        GrowingCluster cluster = Three();
        Lose(cluster, 1, 2, 3);
        var counted = new FaultInjectingFileSystem(cluster.Disks[1]);
        RecoveryPlan first = PlanOn(cluster, counted);
        Assert.Equal(0, counted.Calls(FileOperation.Mutations));
        RecoveryPlan second = Plan(cluster, 1);
        Assert.Equal(
            first.Shards.Select(static s => (s.LastIndex, s.NewTerm)), second.Shards.Select(static s => (s.LastIndex, s.NewTerm)));
    }

    [Fact]
    public void A_crash_between_any_two_changes_of_the_disk_is_gone_on_from()
    {
        GrowingCluster cluster = Three(shards: 2);
        Lose(cluster, 1, 2, 3);
        MemoryFileSystem whole = cluster.Disks[1];
        RecoveryPlan plan = Plan(cluster, 1);
        int crashes = 0;
        for (int after = 0; ; after++)
        {
            MemoryFileSystem disk = whole.Clone();
            cluster.Disks[1] = disk;
            var failing = new FaultInjectingFileSystem(disk);
            failing.Add(new FaultRule { Operation = FileOperation.Mutations, AfterCalls = after, Times = FaultRule.Forever });
            RecoveryPlan own = PlanOn(cluster, disk);
            bool done = TryApply(own with { Found = [.. own.Found.Select(s => s with { Files = failing })] }, cluster);
            if (!done)
            {
                crashes++;
                cluster.Disks[1] = disk.Crash((ulong)after + 1);
                Again(cluster);
            }

            cluster.Start(1);
            for (int i = 0; i < Keys; i++) Assert.True(cluster.Read($"k{i}") == $"v{i}", $"k{i} behind a crash at change {after}");
            cluster.Crash(1);
            if (done) break;
        }

        Assert.True(crashes > 10, $"{crashes} crashes");
        Assert.Equal(2, plan.Of(ShardVerdict.Partial).Count());
    }

    [Fact]
    public void Where_a_majority_is_left_it_is_refused_and_so_are_strangers_and_running_nodes()
    {
        GrowingCluster cluster = Three();
        RecoveryException running = Assert.Throws<RecoveryException>(() => Plan(cluster, 1));
        Assert.Contains("is in use", running.Message, StringComparison.Ordinal);
        Lose(cluster, 1, 2, 3);
        RecoveryException alive = Assert.Throws<RecoveryException>(() => Plan(cluster, 1, 2));
        Assert.Contains("nothing is to be recovered", alive.Message, StringComparison.Ordinal);
        Assert.Contains("give each once", Assert.Throws<RecoveryException>(() => Plan(cluster, 1, 1)).Message, StringComparison.Ordinal);
        var other = new GrowingCluster(seed: 9);
        other.Crash(1);
        cluster.Disks[9] = other.Disks[1];
        Assert.Contains("same node", Assert.Throws<RecoveryException>(() => Plan(cluster, 1, 9)).Message, StringComparison.Ordinal);
        RecoveryException strangers = Assert.Throws<RecoveryException>(() => Plan(cluster, 2, 9));
        Assert.Contains("different clusters", strangers.Message, StringComparison.Ordinal);
        cluster.Disks[8] = new MemoryFileSystem();
        cluster.Disks[8].CreateDirectory(SteppedNode.Data);
        Assert.Contains("no identity", Assert.Throws<RecoveryException>(() => Plan(cluster, 8)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_changed_since_it_was_looked_at_is_refused()
    {
        GrowingCluster cluster = Three();
        Lose(cluster, 1, 2, 3);
        RecoveryPlan plan = Plan(cluster, 1);
        Apply(cluster, plan);
        Assert.Contains(
            "has changed", Assert.Throws<RecoveryException>(() => Apply(cluster, plan)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_five_two_are_left_each_goes_on_with_what_it_has_and_what_nobody_has_begins_empty()
    {
        GrowingCluster cluster = GrowingCluster.Of(5, shards: 16);
        for (int i = 0; i < 3 * Keys; i++) cluster.Put($"k{i}", $"v{i}");
        cluster.Run(6000);
        ClusterStatus status = cluster.Status;
        uint[] left =
        [
            .. status.Shards.Take(16).Where(static s => s.Replicas.Any(static r => r.Node.Value <= 2)).Select(static s => s.Shard.Value),
        ];
        NoriNode any = cluster.Nodes[1];
        string[] all = [.. Enumerable.Range(0, 3 * Keys).Select(static i => $"{i}")];
        string[] kept = [.. all.Where(i => left.Contains(any.ShardOf(SteppedNode.Bytes($"k{i}")).Value))];
        string[] lost = [.. all.Except(kept)];
        Lose(cluster, 1, 2, 3, 4, 5);
        RecoveryPlan plan = Plan(cluster, 1, 2);
        Assert.Equal(16 - left.Length, plan.Of(ShardVerdict.Gone).Count());
        Assert.Equal(["n3", "n4", "n5"], plan.Lost.Select(static l => l.Node));
        Apply(cluster, plan);
        cluster.BelongTo(plan.NewCluster);
        cluster.Start(1);
        cluster.Start(2);
        foreach (string key in kept) Assert.Equal($"v{key}", cluster.Read($"k{key}"));
        foreach (string key in lost) Assert.Null(cluster.Read($"k{key}"));
        foreach (string key in lost) cluster.Put($"k{key}", "new");
        cluster.Join(6);
        cluster.AwaitLevel(3);
        foreach (string key in kept) Assert.Equal($"v{key}", cluster.Read($"k{key}"));
        foreach (string key in lost) Assert.Equal("new", cluster.Read($"k{key}"));
    }

    [Fact]
    public void Those_that_were_given_up_are_strangers_to_the_new_cluster_when_they_come_back()
    {
        GrowingCluster cluster = Three();
        Lose(cluster, 1, 2, 3);
        Apply(cluster, Plan(cluster, 1));
        cluster.Start(1);
        cluster.Put("k0", "new history");
        // One of them alone has no majority, and finds none with n1.
        cluster.Start(2);
        cluster.Run(20_000);
        Assert.DoesNotContain(cluster.Nodes[2].Log.Groups, static g => g.Core.Role == Nori.Raft.Core.RaftRole.Leader);
        Assert.Equal(["n1"], cluster.Nodes[1].Table.Current.Nodes.Where(static n => n.IsMember).Select(static n => n.Name));
        Assert.Equal("new history", cluster.Read("k0"));
    }

    private static GrowingCluster Three(int shards = 8)
    {
        var cluster = new GrowingCluster(shards);
        cluster.Join(2);
        cluster.Join(3);
        cluster.AwaitLevel(3);
        for (int i = 0; i < Keys; i++) cluster.Put($"k{i}", $"v{i}");
        // Every copy has everything.
        cluster.Run(6000);
        return cluster;
    }

    private static void Lose(GrowingCluster cluster, params int[] nodes)
    {
        foreach (int node in nodes) cluster.Crash(node);
    }

    private static RecoveryPlan Plan(GrowingCluster cluster, params int[] nodes) =>
        PlanOn(cluster, [.. nodes.Select(n => (IFileSystem)cluster.Disks[n])]);

    private static RecoveryPlan PlanOn(GrowingCluster cluster, params IFileSystem[] disks) =>
        QuorumRecovery.PlanAsync([.. disks.Select(static d => (SteppedNode.Data, d))], cluster.Time).GetAwaiter().GetResult();

    private static void Apply(GrowingCluster cluster, RecoveryPlan plan) =>
        QuorumRecovery.ApplyAsync(plan, cluster.Time).GetAwaiter().GetResult();

    private static void Again(GrowingCluster cluster)
    {
        try
        {
            Apply(cluster, Plan(cluster, 1));
        }
        catch (RecoveryException done) when (done.Message.Contains("nothing is to be recovered", StringComparison.Ordinal))
        {
            // The crash came behind the last step.
        }
    }

    private static bool TryApply(RecoveryPlan plan, GrowingCluster cluster)
    {
        try
        {
            Apply(cluster, plan);
            return true;
        }
        catch (Exception e) when (e is IOException or RecoveryException or Nori.Lsm.LsmFailedException)
        {
            return false;
        }
    }

    private static KvVersion Version(GrowingCluster cluster, string key)
    {
        ShardId shard = cluster.Nodes.First().Value.ShardOf(SteppedNode.Bytes(key));
        cluster.RunUntil(() => cluster.Leader(shard) is not null, "there is a leader");
        KvResult<GetResult> get = cluster.Await(cluster.LeaderNode(shard).GetAsync(
            SteppedNode.Bytes(key), ReadOptions.Default, cluster.Context(5000)).AsTask());
        Assert.True(get.IsOk, get.Error?.Message);
        return get.Value.Version;
    }
}
