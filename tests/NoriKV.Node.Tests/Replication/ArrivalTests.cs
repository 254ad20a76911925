using NoriKV.Node.Machine;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Replicas that come to a node, and go, while it runs.</summary>
public sealed class ArrivalTests
{
    private static readonly ShardId Shard = new(0);

    [Fact]
    public void A_replica_arrives_learns_everything_takes_over_and_the_first_one_goes()
    {
        SteppedCluster cluster = OneReplica();
        for (int i = 0; i < 20; i++) Assert.True(cluster.Await(cluster.BeginPut(0, $"k{i}", "v")).IsOk);
        Assert.Null(Add(cluster, 1, 100));
        Assert.Null(Change(cluster, 0, (1, 0, MemberRole.Voter), (100, 1, MemberRole.Learner)));
        cluster.RunUntil(() => cluster.Status(1, 0).Applied == cluster.Status(0, 0).Applied, "the learner has all");
        Assert.Equal(cluster.Dump(0, 0), cluster.Dump(1, 0));

        Assert.Null(Change(cluster, 0, (100, 1, MemberRole.Voter)));
        cluster.RunUntil(() => cluster.Status(1, 0).IsLeader, "the new one leads");
        Assert.Null(Remove(cluster, 0, 1));
        Assert.Null(cluster.Nodes[0]!.Log.Group(Shard));
        Assert.Equal("v", cluster.Read(1, "k7"));
        // Without a replica it asks those who have one.
        Assert.Equal("v", cluster.Read(0, "k7"));
        Assert.Equal("n2", cluster.Get(0, "k7", Consistency.StaleOk).Value.Meta.ServedBy);

        // A loss of power of both brings back what there is, and not what was removed.
        cluster.Crash(0, 1);
        cluster.Crash(1, 2);
        cluster.Start(0);
        cluster.Start(1);
        cluster.RunUntil(() => cluster.Status(1, 0).IsLeader, "it leads again");
        Assert.Null(cluster.Nodes[0]!.Log.Group(Shard));
        Assert.Equal("v", cluster.Read(1, "k7"));
        Assert.Equal(KvCode.FailedPrecondition, Add(cluster, 0, 1)!.Code);
    }

    [Fact]
    public void A_replica_comes_by_snapshot_where_the_log_has_forgotten()
    {
        SteppedCluster cluster = OneReplica();
        for (int i = 0; i < 20; i++) Assert.True(cluster.Await(cluster.BeginPut(0, $"k{i}", "v")).IsOk);
        cluster.Await(cluster.Nodes[0]!.SnapshotShardAsync(Shard, cluster.Context(5000)).AsTask());
        Assert.Null(Add(cluster, 1, 100));
        Assert.Null(Change(cluster, 0, (1, 0, MemberRole.Voter), (100, 1, MemberRole.Learner)));
        cluster.RunUntil(() => cluster.Status(1, 0).Applied == cluster.Status(0, 0).Applied, "the learner has all");
        Assert.Equal(cluster.Dump(0, 0), cluster.Dump(1, 0));
    }

    [Fact]
    public void One_that_went_and_comes_again_under_a_new_id_begins_with_nothing()
    {
        SteppedCluster cluster = OneReplica();
        for (int i = 0; i < 20; i++) Assert.True(cluster.Await(cluster.BeginPut(0, $"k{i}", "v")).IsOk);
        for (ulong id = 100; id < 104; id++)
        {
            Assert.Null(Add(cluster, 1, id));
            Assert.Null(Change(cluster, 0, (1, 0, MemberRole.Voter), (id, 1, MemberRole.Learner)));
            cluster.RunUntil(() => cluster.Status(1, 0).Applied == cluster.Status(0, 0).Applied, "the learner has all");
            Assert.Equal(cluster.Dump(0, 0), cluster.Dump(1, 0));
            Flush(cluster, 1);
            Assert.Null(Change(cluster, 0, (1, 0, MemberRole.Voter)));
            cluster.Run(100);
            Assert.Null(Remove(cluster, 1, id));
            Assert.Equal(0UL, cluster.Nodes[1]!.Parts.Gate.FlushedIndex(Shard).Value);
            Assert.Equal(default, cluster.Status(1, 0));
            if (id % 2 == 0) continue;
            cluster.Crash(1, id);
            cluster.Start(1);
        }
    }

    [Fact]
    public void A_message_to_one_that_is_gone_is_told_so()
    {
        SteppedCluster cluster = OneReplica();
        Assert.Null(Add(cluster, 1, 100));
        Assert.Null(Remove(cluster, 1, 100));
        var told = new List<(ulong From, ulong To)>();
        cluster.Nodes[1]!.Log.OnGone = (_, _, to, from) => told.Add((from.Value, to.Value));
        Assert.Null(Change(cluster, 0, (1, 0, MemberRole.Voter), (100, 1, MemberRole.Learner)));
        cluster.Run(500);
        Assert.Contains((1UL, 100UL), told);
        Assert.Null(cluster.Nodes[1]!.Log.Group(Shard));
    }

    [Fact]
    public void Nothing_of_a_replica_goes_before_its_removal_is_durable()
    {
        SteppedCluster cluster = OneReplica();
        for (int i = 0; i < 20; i++) Assert.True(cluster.Await(cluster.BeginPut(0, $"k{i}", "v")).IsOk);
        Assert.Null(Add(cluster, 1, 100));
        Assert.Null(Change(cluster, 0, (1, 0, MemberRole.Voter), (100, 1, MemberRole.Learner)));
        cluster.RunUntil(() => cluster.Status(1, 0).Applied == cluster.Status(0, 0).Applied, "the learner has all");
        Flush(cluster, 1);
        string dump = cluster.Dump(1, 0);

        cluster.Frozen.Add((1, "log"));
        _ = cluster.Nodes[1]!.Log.RemoveReplicaAsync(Shard, new ReplicaId(100), long.MaxValue).AsTask();
        cluster.Run(100);
        Task flush = cluster.Nodes[1]!.Parts.Storage.FlushAsync(CancellationToken.None).AsTask();
        cluster.Run(100);
        Assert.Null(cluster.Nodes[1]!.Log.Group(Shard));
        cluster.Crash(1, 1);
        cluster.Frozen.Clear();
        cluster.Start(1);
        Assert.Equal(100UL, cluster.Nodes[1]!.Log.Group(Shard)!.Replica.Value);
        Assert.Equal(dump, cluster.Dump(1, 0));
        _ = flush;
    }

    // A scan takes another view now and then. What went away between two of them is not empty, whoever came in its place.
    [Fact]
    public async Task A_scan_does_not_go_on_in_a_replica_that_came_in_the_place_of_the_one_it_began_in()
    {
        SteppedCluster cluster = OneReplica();
        for (int i = 0; i < 40; i++) Assert.True(cluster.Await(cluster.BeginPut(0, $"k{i}", "v")).IsOk);
        await using IAsyncEnumerator<KvResult<ScanPage>> pages = cluster.Nodes[0]!.ScanPagesAsync(
            new ScanOptions(), 1, 1 << 20, cluster.Context(60_000)).GetAsyncEnumerator();
        Assert.True(cluster.Await(pages.MoveNextAsync().AsTask()));

        Assert.Null(Add(cluster, 1, 100));
        Assert.Null(Change(cluster, 0, (1, 0, MemberRole.Voter), (100, 1, MemberRole.Learner)));
        Assert.Null(Change(cluster, 0, (100, 1, MemberRole.Voter)));
        cluster.RunUntil(() => cluster.Status(1, 0).IsLeader, "the new one leads");
        Assert.Null(Remove(cluster, 0, 1));
        Assert.Null(Add(cluster, 0, 200));

        int pairs = 0;
        KvError? error = null;
        do
        {
            if (pages.Current.TryGet(out ScanPage? page, out error)) pairs += page.Pairs.Count;
        }
        while (error is null && cluster.Await(pages.MoveNextAsync().AsTask()));

        Assert.True(error?.Code == KvCode.NotLeader, $"{pairs} of 40 pairs, and {error?.Message ?? "no error"}");
    }

    // Between a barrier that has passed and the read behind it a thread may stand still for as long as a replica takes to go.
    [Fact]
    public async Task A_read_does_not_look_into_a_replica_that_came_in_the_place_of_the_one_it_was_admitted_for()
    {
        SteppedCluster cluster = new(nodes: 3, shards: 1);
        Assert.True(cluster.Put("k", "v").IsOk);
        cluster.Run(200);
        int leader = cluster.LeaderOf(0);
        NoriNode node = cluster.Nodes[leader]!;
        Task<KvResult<GetResult>> read = node.GetAsync(Bytes("k"), ReadOptions.Default, cluster.Context(500)).AsTask();
        for (int i = 0; node.IsSettled; i++)
        {
            Assert.True(i < 10, "the read does not pass");
            cluster.Network.Deliver();
        }

        Assert.False(read.IsCompleted);
        uint slot = node.Parts.Gate.Remove(node.Parts.Replicas, Shard) + 1000;
        node.Parts.Replicas.Add(new ShardMachine(new ShardState(Shard, new ReplicaId(200), slot, 1000), new MachineOptions()));
        cluster.StepNode(leader);
        bool isAnswered = read.IsCompleted && (await read).IsOk;
        Assert.False(isAnswered, "it says what a replica without anything holds");
    }

    private static SteppedCluster OneReplica()
    {
        var cluster = new SteppedCluster(nodes: 2, shards: 1, configure: static o => o with
        {
            ScanViewMax = TimeSpan.FromMilliseconds(100),
            Plan = o.Plan! with { Replicas = static s => [new(new ReplicaId(s.Value + 1), new(1), false)] },
        });
        cluster.RunUntil(() => cluster.Status(0, 0).IsLeader, "the lone voter leads");
        return cluster;
    }

    private static KvError? Add(SteppedCluster cluster, int at, ulong replica) =>
        cluster.Await(cluster.Nodes[at]!.Log.AddReplicaAsync(Shard, new ReplicaId(replica), long.MaxValue).AsTask());

    private static KvError? Remove(SteppedCluster cluster, int at, ulong replica) =>
        cluster.Await(cluster.Nodes[at]!.Log.RemoveReplicaAsync(Shard, new ReplicaId(replica), long.MaxValue).AsTask());

    private static void Flush(SteppedCluster cluster, int at) =>
        cluster.Await(FlushAsync(cluster.Nodes[at]!.Parts.Storage));

    private static async Task<int> FlushAsync(Ports.IStorage storage)
    {
        await storage.FlushAsync(CancellationToken.None);
        return 0;
    }

    private static KvError? Change(SteppedCluster cluster, int at, params (ulong Replica, int Node, MemberRole Role)[] members)
    {
        cluster.Run(200);
        KvError? error = null;
        for (int attempt = 0; attempt < 50; attempt++)
        {
            NodeInspection inspected = cluster.Nodes[at]!.Inspect(Shard);
            error = cluster.Await(cluster.Nodes[at]!.Log.ChangeMembersAsync(
                Shard,
                new LogIndex(inspected.ConfigurationIndex),
                [.. members.Select(m => new ConfigurationMember(new ReplicaId(m.Replica), cluster.Numbers[m.Node], m.Role))],
                long.MaxValue).AsTask());
            if (error is null || !error.Message.Contains("NotCaughtUp", StringComparison.Ordinal)) return error;
            cluster.Run(100);
        }

        return error;
    }
}
