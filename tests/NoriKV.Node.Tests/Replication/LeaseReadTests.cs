using NoriKV.Node.Ports;
using NoriKV.Types;

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
            SteppedNode.Bytes("k"), new ReadOptions { Consistency = consistency }, cluster.Context(3000)).AsTask();
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

    private static ReadBarrier Barrier(IReplicatedLog log)
    {
        Task<ReadBarrier> barrier = log.ReadBarrierAsync(new ShardId(0), ByLease, long.MaxValue).AsTask();
        Assert.True(barrier.IsCompleted, "a read under the lease waits for nobody");
        return barrier.GetAwaiter().GetResult();
    }
}
