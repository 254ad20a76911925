using NoriKV.Node.Ports;
using NoriKV.Node.Storage;
using NoriKV.Node.Tests.Snapshots;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

public sealed class LeaseReadTests
{
    private static readonly ReadOptions ByLease = new() { Consistency = Consistency.Lease };

    // protocol.md §3 ✗: between a look at the lease and the read a process may stand still for longer than any lease.
    [Fact]
    public void A_pause_between_the_barrier_and_the_read_is_noticed_behind_the_read()
    {
        SteppedCluster cluster = new(shards: 1);
        cluster.RunUntil(() => cluster.LeaderOf(0) >= 0, "a leader");
        cluster.Run(300);
        IReplicatedLog log = cluster.Nodes[cluster.LeaderOf(0)]!.Log;

        ReadBarrier barrier = Barrier(log);
        Assert.Equal((null, Consistency.Lease), (barrier.Error, barrier.Served));
        Assert.True(log.Confirm(new ShardId(0), barrier));

        // The node stands still; the others may have elected somebody meanwhile.
        cluster.Time.AdvanceMs(1000);
        Assert.False(log.Confirm(new ShardId(0), barrier));
    }

    // As above, of what reads: nothing is answered until a majority has said that it still leads.
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void A_leader_that_stood_still_in_a_read_does_not_answer_it_by_its_lease(bool isBatch, bool isForwarded)
    {
        var engines = new Dictionary<string, HookedStorage>();
        SteppedCluster cluster = new(shards: 1, configure: options => options with
        {
            OpenStorage = async (setup, stop) => engines[options.NodeName] =
                new HookedStorage(await LsmStorage.OpenAsync(setup, null, stop)),
        });
        foreach (string key in new[] { "a", "b" }) Assert.True(cluster.Put(key, "old").IsOk);
        cluster.Run(300);
        int leader = cluster.LeaderOf(0), asked = isForwarded ? (leader + 1) % 3 : leader;
        NodeNumber number = cluster.Numbers[leader];
        bool stood = false;
        int answers = 0;
        cluster.Network.Sent = (from, to, channel, _) =>
            answers += stood && channel == PeerChannel.Forward && from == number && to == cluster.Numbers[asked] ? 1 : 0;
        engines[$"n{number}"].BeforeRead = _ =>
        {
            // Who asks for a word of the others is not heard by them.
            cluster.Network.LosesFrame = (from, to, channel) => channel == PeerChannel.Raft && (from == number || to == number);
            // Longer than any lease, and not so long that the leader would answer that there is no time left.
            cluster.Time.AdvanceMs(900);
            stood = true;
        };

        Task<string> read = isBatch ? Batch() : Single();
        cluster.Settle();
        Assert.True(stood, "the leader reads");
        // By now who asked holds the leader for lost and hears no answer: what the leader says counts.
        Assert.False(read.IsCompleted || answers > 0, "answered by a lease that had run out");
        cluster.Network.Heal();
        Assert.Equal("old", cluster.Await(read));

        async Task<string> Single() =>
            Text((await cluster.Nodes[asked]!.GetAsync(Bytes("a"), ByLease, cluster.Context(5000))).Value.Value);

        async Task<string> Batch()
        {
            BatchOperation[] gets = [BatchOperation.Get(Bytes("a"), ByLease), BatchOperation.Get(Bytes("b"), ByLease)];
            IReadOnlyList<BatchOperationResult> got =
                (await cluster.Nodes[asked]!.BatchAsync(gets, new BatchOptions(), cluster.Context(5000))).Value;
            return got.Select(static r => Text(r.Value)).Distinct().Single();
        }
    }

    // A follower, or a learner, may apply what is committed before its leader does, and answer a read with it.
    [Theory]
    [InlineData(Consistency.Lease, false)]
    [InlineData(Consistency.Linearizable, true)]
    public void What_another_replica_has_shown_is_not_missing_where_the_leader_has_not_applied_it(
        Consistency consistency, bool isOnlyVoter)
    {
        SteppedCluster cluster = new(shards: 1, configure: options => isOnlyVoter ? WithOneVoter(options) : options);
        Assert.True(cluster.Put("k", "old").IsOk);
        cluster.Run(300);
        int leader = cluster.LeaderOf(0), other = (leader + 1) % 3;
        foreach (NodeStep step in cluster.Nodes[leader]!.Steps.Where(static s => s.Name.StartsWith("apply", StringComparison.Ordinal)))
            cluster.Frozen.Add((leader, step.Name));
        Task<KvResult<PutResult>> put = cluster.BeginPut(leader, "k", "new");
        cluster.Settle();
        Assert.Equal("new", cluster.Read(other, "k"));

        Task<KvResult<GetResult>> behind = cluster.Nodes[leader]!.GetAsync(
            Bytes("k"), new ReadOptions { Consistency = consistency }, cluster.Context(3000)).AsTask();
        cluster.Settle();
        Assert.False(put.IsCompleted || behind.IsCompleted);
        cluster.Frozen.Clear();
        Assert.Equal("new"u8, cluster.Await(behind).Value.Value.Span);
    }

    private static NodeOptions WithOneVoter(NodeOptions options) => options with
    {
        Plan = options.Plan! with
        {
            Replicas = shard => [.. options.Plan.Replicas(shard).Select(static (r, i) => r with { IsLearner = i > 0 })],
        },
    };

    private static string Text(ReadOnlyMemory<byte> value) => System.Text.Encoding.UTF8.GetString(value.Span);

    private static ReadBarrier Barrier(IReplicatedLog log)
    {
        Task<ReadBarrier> barrier = log.ReadBarrierAsync(new ShardId(0), ByLease, long.MaxValue).AsTask();
        Assert.True(barrier.IsCompleted, "a read under the lease waits for nobody");
        return barrier.GetAwaiter().GetResult();
    }
}
