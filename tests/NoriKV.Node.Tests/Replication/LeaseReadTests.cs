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

    private static ReadBarrier Barrier(IReplicatedLog log)
    {
        Task<ReadBarrier> barrier = log.ReadBarrierAsync(new ShardId(0), ByLease, long.MaxValue).AsTask();
        Assert.True(barrier.IsCompleted, "a read under the lease waits for nobody");
        return barrier.GetAwaiter().GetResult();
    }
}
