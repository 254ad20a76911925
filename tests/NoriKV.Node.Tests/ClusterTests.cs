using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>Views, health and administration of a node alone.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private readonly SteppedNode _node = Start(configure: o => o with { AdvertiseAddress = "127.0.0.1:7447" });

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void The_view_lists_the_node_as_leader_of_every_shard()
    {
        ClusterView view = _node.Node.View;
        Assert.Equal(1UL, view.Epoch);
        Assert.Equal(new ClusterNode("n1", "127.0.0.1:7447", NodeRole.Leader), Assert.Single(view.Nodes));
        Assert.Equal(8, view.Shards.Count);
        Assert.All(view.Shards, s => Assert.Equal(new ShardReplicaView("n1", true), Assert.Single(s.Replicas)));
    }

    [Fact]
    public async Task A_watch_gives_the_view_at_once_then_changes_coalesced_then_the_last_and_ends()
    {
        await using IAsyncEnumerator<ClusterView> watch = _node.Node.WatchAsync(CancellationToken.None).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync());
        ulong first = watch.Current.Epoch;
        _node.Node.SetAdvertiseAddress("a:1");
        _node.Node.SetAdvertiseAddress("a:2");
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(first + 2, watch.Current.Epoch);
        Assert.Equal("a:2", watch.Current.Nodes[0].Address);
        _node.Node.SetAdvertiseAddress("a:2");
        Assert.Equal(first + 2, _node.Node.View.Epoch);
        _node.Stop();
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(NodeRole.Follower, watch.Current.Nodes[0].Role);
        Assert.False(await watch.MoveNextAsync());
    }

    [Fact]
    public void Health_names_every_shard()
    {
        _node.Put("k", "v");
        NodeHealth health = _node.Node.Health;
        Assert.Equal(HealthStatus.Healthy, health.Status);
        Assert.Empty(health.Reasons);
        ShardHealth shard = health.Shards[(int)_node.Node.ShardOf(Bytes("k")).Value];
        Assert.Equal(new LogIndex(2), shard.LastApplied);
        Assert.Equal(shard.CommitIndex, shard.LastApplied);
        Assert.True(shard.IsLeader);
    }

    [Fact]
    public void A_leadership_moves_only_to_a_member()
    {
        Assert.True(_node.Run(_node.Node.TransferShardAsync(new ShardId(3), "n1", Context)).IsOk);
        Assert.Equal(
            KvCode.FailedPrecondition, _node.Run(_node.Node.TransferShardAsync(new ShardId(3), "n2", Context)).Error!.Code);
        Assert.Equal(
            KvCode.InvalidArgument, _node.Run(_node.Node.TransferShardAsync(new ShardId(8), "n1", Context)).Error!.Code);
    }

    [Fact]
    public void A_snapshot_puts_the_shard_into_tables_and_forgets_its_log()
    {
        for (int i = 0; i < 100; i++) _node.Put($"k{i}", $"v{i}");
        for (uint shard = 0; shard < 8; shard++)
        {
            Assert.True(_node.Run(_node.Node.SnapshotShardAsync(new ShardId(shard), Context)).IsOk);
        }

        _node.Put("later", "v");
        _node.Stop();
        SteppedNode again = Start(_node.Files, _node.Time);
        for (int i = 0; i < 100; i++) Assert.Equal($"v{i}", again.Read($"k{i}"));
        Assert.Equal("v", again.Read("later"));
        again.Stop();
    }

    [Fact]
    public void An_idle_shard_with_expired_bytes_gets_one_time_entry_an_hour_and_no_more()
    {
        _node.Put("k", "v", new PutOptions { Ttl = TimeSpan.FromMinutes(1) });
        ShardId shard = _node.Node.ShardOf(Bytes("k"));
        Assert.Equal([2UL, 3UL, 3UL], Enumerable.Range(0, 3).Select(_ =>
        {
            ulong applied = _node.Node.Health.Shards[(int)shard.Value].LastApplied.Value;
            _node.Time.Advance(TimeSpan.FromMinutes(61));
            _node.RunUntilIdle();
            return applied;
        }));
        Assert.All(_node.Node.Health.Shards, s => Assert.Equal(s.Shard == shard ? 3UL : 1UL, s.LastApplied.Value));
    }

    [Fact]
    public void A_stopped_node_refuses_and_says_so()
    {
        _node.Stop();
        Assert.Equal(KvCode.Unavailable, _node.Put("k", "v").Error!.Code);
        Assert.Equal(KvCode.Unavailable, _node.Get("k").Error!.Code);
        Assert.NotNull(_node.Node.NotReadyReason);
        Assert.Equal(HealthStatus.Unhealthy, _node.Node.Health.Status);
    }
}
