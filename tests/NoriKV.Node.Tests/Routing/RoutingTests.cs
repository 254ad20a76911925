using NoriKV.Node.Ports;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Routing;

/// <summary>Any node takes any request: three nodes, and callers who know one of them.</summary>
public sealed class RoutingTests
{
    [Fact]
    public void A_write_is_forwarded_to_the_leader_in_one_frame_with_all_that_came_with_it()
    {
        var cluster = new SteppedCluster(shards: 4);
        cluster.AwaitLeaders();
        int frames = 0;
        cluster.Network.Sent = (_, _, channel, _) => frames += channel == PeerChannel.Forward ? 1 : 0;
        Task<KvResult<PutResult>>[] puts = [.. Enumerable.Range(0, 60).Select(i => cluster.BeginPut(0, $"k{i}", $"v{i}"))];
        KvResult<PutResult>[] done = [.. puts.Select(cluster.Await)];
        Assert.All(done, static d => Assert.Null(d.Error));
        // One to each of two leaders, and an answer for each of their rounds.
        Assert.InRange(frames, 0, 12);
        for (int i = 0; i < 60; i++)
        {
            for (int node = 0; node < 3; node++) Assert.Equal($"v{i}", cluster.Read(node, $"k{i}"));
        }

        Assert.All(done, static d => Assert.Null(d.Value.Meta.IdempotentReplay));
    }

    [Fact]
    public void Every_operation_and_its_refusals_are_the_same_at_a_follower()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int follower = (cluster.LeaderOf(0) + 1) % 3;
        NoriNode node = cluster.Nodes[follower]!;
        PutResult put = cluster.Await(cluster.BeginPut(follower, "k", "1")).Value;
        Assert.True(put.Version.IsPresent);
        Assert.Null(put.Meta.IdempotentReplay);
        var match = new PutOptions { IfMatch = new KvVersion(1, 1) };
        Assert.Equal(KvCode.VersionMismatch, cluster.Await(cluster.BeginPut(follower, "k", "2", match)).Error?.Code);
        var absent = new PutOptions { IfNotExists = true };
        Assert.Equal(KvCode.AlreadyExists, cluster.Await(cluster.BeginPut(follower, "k", "2", absent)).Error?.Code);
        Assert.True(cluster.Await(
            cluster.BeginPut(follower, "k", "3", new PutOptions { IfMatch = put.Version })).IsOk);
        var keyed = new PutOptions { IdempotencyKey = "once" };
        KvVersion first = cluster.Await(cluster.BeginPut(follower, "k", "4", keyed)).Value.Version;
        PutResult again = cluster.Await(cluster.BeginPut((follower + 1) % 3, "k", "4", keyed)).Value;
        Assert.Equal((first, "true"), (again.Version, again.Meta.IdempotentReplay));
        DeleteResult deleted = cluster.Await(
            node.DeleteAsync(Bytes("k"), new DeleteOptions(), cluster.Context(5000)).AsTask()).Value;
        Assert.True(deleted.Tombstoned);
        Assert.False(cluster.Await(node.DeleteAsync(Bytes("k"), new DeleteOptions(), cluster.Context(5000)).AsTask()).Value.Tombstoned);
    }

    [Fact]
    public void A_batch_over_shards_and_nodes_has_a_result_for_each_operation()
    {
        var cluster = new SteppedCluster(shards: 8);
        cluster.AwaitLeaders();
        BatchOperation[] writes = [.. Enumerable.Range(0, 40).Select(i => BatchOperation.Put(Bytes($"b{i}"), Bytes($"{i}")))];
        IReadOnlyList<BatchOperationResult> written = cluster.Await(
            cluster.Nodes[1]!.BatchAsync(writes, new BatchOptions(), cluster.Context(5000)).AsTask()).Value;
        Assert.All(written, static w => Assert.Null(w.Error));
        foreach (Consistency consistency in Enum.GetValues<Consistency>())
        {
            var read = new ReadOptions { Consistency = consistency };
            BatchOperation[] gets = [.. Enumerable.Range(0, 40).Select(i => BatchOperation.Get(Bytes($"b{i}"), read))];
            cluster.Run(500);
            IReadOnlyList<BatchOperationResult> got = cluster.Await(
                cluster.Nodes[2]!.BatchAsync(gets, new BatchOptions(), cluster.Context(5000)).AsTask()).Value;
            for (int i = 0; i < 40; i++) Assert.Equal($"{i}", Text(got[i].Value));
        }
    }

    [Fact]
    public void Writes_at_a_node_that_lives_go_on_while_their_leader_dies()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        Assert.True(cluster.Put("k", "old").IsOk);
        int leader = cluster.LeaderOf(0);
        int known = (leader + 1) % 3;
        cluster.Crash(leader, 5);
        KvResult<PutResult> put = cluster.Await(cluster.BeginPut(known, "k", "new"));
        Assert.True(put.IsOk, put.Error?.Message);
        Assert.Equal("new", cluster.Read(known, "k"));
    }

    // C1: the leader has committed, and dies before it says so.
    [Theory]
    [InlineData(null)]
    [InlineData("mine")]
    [InlineData("s1:me:1:1800000000000")]
    public void A_leader_that_dies_behind_the_commit_and_before_the_answer_doubles_nothing(string? key)
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        KvVersion old = cluster.Put("k", "0").Value.Version;
        int leader = cluster.LeaderOf(0);
        int known = (leader + 1) % 3;
        ulong before = cluster.Status(leader, 0).Commit.Value;
        // Everything goes but its answers.
        cluster.Network.LosesFrame = (from, to, channel) =>
            from == cluster.Numbers[leader] && channel == PeerChannel.Forward;
        Task<KvResult<PutResult>> put = cluster.BeginPut(
            known, "k", "1", new PutOptions { IfMatch = old, IdempotencyKey = key });
        cluster.RunUntil(() => cluster.Status(leader, 0).Applied.Value > before, "the leader applied it");
        Assert.False(put.IsCompleted);
        cluster.Crash(leader, 9);
        cluster.Network.Heal();
        // Done twice it would not find the version it expects.
        PutResult done = cluster.Await(put).Value;
        Assert.Equal(before + 1, done.Version.Index);
        Assert.Equal("1", cluster.Read(known, "k"));
        Assert.Equal(key is null ? null : "true", done.Meta.IdempotentReplay);
    }

    [Fact]
    public void An_answer_that_is_lost_is_asked_for_again()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        int known = (leader + 1) % 3;
        bool isLost = false;
        cluster.Network.LosesFrame = (from, _, channel) =>
            !isLost && (isLost = from == cluster.Numbers[leader] && channel == PeerChannel.Forward);
        PutResult put = cluster.Await(cluster.BeginPut(known, "k", "1", new PutOptions { IfNotExists = true })).Value;
        Assert.True(isLost);
        Assert.Equal(put.Version, cluster.Get(known, "k").Value.Version);
    }

    [Fact]
    public void A_request_is_forwarded_once()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        int known = (leader + 1) % 3, other = (leader + 2) % 3;
        // The leader is cut off from the node that is known, and not from the third.
        cluster.Network.LosesFrame = (from, to, _) =>
            (from == cluster.Numbers[leader] && to == cluster.Numbers[known])
            || (to == cluster.Numbers[leader] && from == cluster.Numbers[known]);
        int hops = 0, asked = 0;
        cluster.Network.Sent = (from, to, channel, frame) =>
        {
            if (channel == PeerChannel.Forward && from == cluster.Numbers[known] && to == cluster.Numbers[other]) asked++;
            if (channel == PeerChannel.Forward && from == cluster.Numbers[other] && to == cluster.Numbers[leader]) hops++;
        };
        Task<KvResult<PutResult>>? put = null;
        for (int i = 0; put is not { IsCompleted: true }; i++)
        {
            // Work keeps the group awake: its other voter stays loyal to the leader that it hears.
            cluster.BeginPut(leader, "other", $"{i}");
            cluster.Run(100);
            Assert.True(i < 100, "it is answered by its deadline");
            // By now the leader is silent there, and nothing is sent to it.
            if (i == 10) put = cluster.BeginPut(known, "k", "v");
        }

        KvError error = cluster.Await(put).Error!;
        Assert.True(asked > 0, "the third one was asked");
        Assert.Equal(0, hops);
        Assert.Equal(KvCode.NotLeader, error.Code);
        Assert.StartsWith("NOT_LEADER", error.Message);
        Assert.Equal($"127.0.0.1:{7001 + leader}", error.LeaderHint);
    }

    [Fact]
    public void Without_a_majority_it_says_so_before_the_deadline_and_did_nothing()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        int known = (leader + 1) % 3;
        cluster.Crash(leader, 1);
        cluster.Crash((leader + 2) % 3, 1);
        cluster.Run(2000);
        long began = cluster.Time.GetTimestamp();
        Task<KvResult<PutResult>> put = cluster.Nodes[known]!.PutAsync(
            Bytes("k"), Bytes("v"), new PutOptions(), cluster.Context(2000)).AsTask();
        Assert.Equal(KvCode.QuorumUnavailable, cluster.Await(put).Error?.Code);
        Assert.InRange(cluster.Time.GetElapsedTime(began).TotalMilliseconds, 1900, 1990);
        Task<KvResult<GetResult>> get = cluster.Nodes[known]!.GetAsync(
            Bytes("k"), ReadOptions.Default, cluster.Context(80)).AsTask();
        Assert.Equal(KvCode.QuorumUnavailable, cluster.Await(get).Error?.Code);
    }

    [Fact]
    public void A_caller_who_gives_up_is_not_kept()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int known = (cluster.LeaderOf(0) + 1) % 3;
        cluster.Network.LosesFrame = static (_, _, channel) => channel == PeerChannel.Forward;
        using var cancel = new CancellationTokenSource();
        var context = new RequestContext(long.MaxValue, "", cancel.Token);
        Task<KvResult<PutResult>> put = cluster.Nodes[known]!.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), context).AsTask();
        cluster.Run(100);
        cancel.Cancel();
        cluster.Run(50);
        Assert.True(put.IsCompleted);
        Assert.Equal(KvCode.CommitTimeout, cluster.Await(put).Error?.Code);
    }

    [Fact]
    public void A_node_that_stops_forwards_what_it_led()
    {
        var cluster = new SteppedCluster(shards: 6);
        cluster.AwaitLeaders();
        cluster.Nodes[0]!.Log.HandOver();
        Task<KvResult<PutResult>>[] puts = [.. Enumerable.Range(0, 20).Select(i => cluster.BeginPut(0, $"k{i}", "v"))];
        Assert.All(puts, p => Assert.Null(cluster.Await(p).Error));
    }

    private static string Text(ReadOnlyMemory<byte> value) => System.Text.Encoding.UTF8.GetString(value.Span);
}
