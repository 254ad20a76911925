using NoriKV.TestKit.Simulation.Checks;

namespace NoriKV.TestKit.Tests;

public sealed class ReplicaCheckTests
{
    private static readonly ReplicaSight Leader = new(
        IsLeader: true, Term: 3, Commit: 9, Last: 9, Durable: 9, Applied: 9, First: 1, IsDamaged: false, Replica: 1, Stopped: null);

    private static readonly ReplicaSight Follower = Leader with { IsLeader = false, Replica = 2 };

    // Replicas of a shard that nobody leads may all hold the same: it serves nobody for all that.
    [Fact]
    public void A_shard_is_well_when_it_is_led_and_all_of_its_replicas_hold_the_same()
    {
        Assert.Null(ReplicaCheck.Divergence([Leader, Follower, Follower]));
        Assert.Equal("is not led", ReplicaCheck.Divergence([Follower, Follower]));
        Assert.Equal("differs", ReplicaCheck.Divergence([]));
        Assert.Equal("differs", ReplicaCheck.Divergence([Leader, Follower with { Last = 8, Applied = 8 }]));
        Assert.Equal("differs", ReplicaCheck.Divergence([Leader, Follower with { Applied = 8 }]));
        Assert.Equal("differs", ReplicaCheck.Divergence([Leader, Follower with { IsDamaged = true }]));
    }
}
