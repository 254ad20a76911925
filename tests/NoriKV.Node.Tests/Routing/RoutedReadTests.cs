using NoriKV.Node.Ports;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Routing;

/// <summary>What each consistency is worth at a node that does not lead.</summary>
public sealed class RoutedReadTests
{
    private readonly SteppedCluster _cluster = new(shards: 1);
    private readonly int _leader;
    private readonly int _follower;

    public RoutedReadTests()
    {
        _cluster.AwaitLeaders();
        Assert.True(_cluster.Put("k", "old").IsOk);
        _cluster.Run(300);
        _leader = _cluster.LeaderOf(0);
        _follower = (_leader + 1) % 3;
    }

    [Fact]
    public void A_lease_read_is_served_by_the_leader_under_its_lease()
    {
        GetResult got = _cluster.Get(_follower, "k", Consistency.Lease).Value;
        Assert.Equal((Consistency.Lease, $"n{_leader + 1}"), (got.Meta.Consistency, got.Meta.ServedBy));
    }

    [Fact]
    public void A_linearizable_read_at_a_follower_sees_what_was_just_acknowledged()
    {
        for (int i = 0; i < 10; i++)
        {
            Assert.True(_cluster.Put("k", $"{i}").IsOk);
            GetResult got = _cluster.Get(_follower, "k").Value;
            Assert.Equal($"{i}", System.Text.Encoding.UTF8.GetString(got.Value.Span));
            Assert.Equal($"n{_follower + 1}", got.Meta.ServedBy);
        }
    }

    [Fact]
    public void A_stale_read_leaves_the_node_only_before_its_replica_has_caught_up()
    {
        int frames = 0;
        _cluster.Network.Sent = (_, _, channel, _) => frames += channel == PeerChannel.Forward ? 1 : 0;
        Assert.Equal($"n{_follower + 1}", _cluster.Get(_follower, "k", Consistency.StaleOk).Value.Meta.ServedBy);
        Assert.Equal(0, frames);
        _cluster.Stop(_follower);
        _cluster.Start(_follower);
        // It has heard of no leader, and so does not know how far behind it is.
        Task<KvResult<GetResult>> read = _cluster.Nodes[_follower]!.GetAsync(
            Bytes("k"), new ReadOptions { Consistency = Consistency.StaleOk }, _cluster.Context(5000)).AsTask();
        GetResult got = _cluster.Await(read).Value;
        Assert.True(got.Found);
    }

    [Fact]
    public void A_bounded_read_at_a_follower_is_proven_once_for_as_long_as_the_bound()
    {
        int frames = 0;
        _cluster.Network.Sent = (from, _, channel, _) =>
            frames += channel == PeerChannel.Forward && from == _cluster.Numbers[_follower] ? 1 : 0;
        GetResult first = Bounded(1000);
        Assert.Equal((Consistency.Bounded, $"n{_follower + 1}"), (first.Meta.Consistency, first.Meta.ServedBy));
        Assert.Equal(1, frames);
        _cluster.Run(500);
        GetResult second = Bounded(1000);
        Assert.InRange(second.Meta.StalenessMs ?? -1, 500, 1000);
        Assert.Equal(1, frames);
        _cluster.Run(700);
        Assert.InRange(Bounded(1000).Meta.StalenessMs ?? -1, 0, 700);
        Assert.Equal(2, frames);
    }

    // Seed 5 of the simulator's grow: of two reads that awaited one task, one went on upon the thread pool beside the node's thread.
    [Fact]
    public void Reads_that_wait_for_one_answer_of_the_leader_all_go_on_where_the_node_is_stepped()
    {
        int frames = 0;
        _cluster.Network.Sent = (from, _, channel, _) =>
            frames += channel == PeerChannel.Forward && from == _cluster.Numbers[_follower] ? 1 : 0;
        // A context of the test runner's would take the continuations away as well.
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        int[] threads = _cluster.Await(Task.WhenAll(Enumerable.Range(0, 5).Select(_ => ReadAsync())));
        SynchronizationContext.SetSynchronizationContext(context);
        Assert.Equal(1, frames);
        Assert.All(threads, static thread => Assert.Equal(Environment.CurrentManagedThreadId, thread));

        async Task<int> ReadAsync()
        {
            Assert.True((await Begin(1000).ConfigureAwait(false)).IsOk);
            return Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public void A_follower_that_is_cut_off_serves_a_bounded_read_only_within_its_bound()
    {
        Bounded(500);
        _cluster.Network.Isolate(_cluster.Numbers[_follower].Value);
        _cluster.Run(200);
        Assert.Equal(Consistency.Bounded, Bounded(1000).Meta.Consistency);
        _cluster.RunUntil(() => _cluster.LeaderOf(0) is >= 0, "there is a leader");
        _cluster.Run(1000);
        Task<KvResult<GetResult>> late = Begin(1000);
        Assert.True(_cluster.Await(late).Error?.Code is KvCode.QuorumUnavailable or KvCode.NotLeader);
    }

    [Fact]
    public void A_follower_counts_from_before_it_asked()
    {
        // Its question reaches the leader; the answer is held back while time passes.
        var held = new List<byte[]>();
        bool isHeld = true;
        _cluster.Network.LosesFrame = (from, _, channel) =>
            isHeld && channel == PeerChannel.Forward && from == _cluster.Numbers[_leader];
        _cluster.Network.Sent = (from, to, channel, frame) =>
        {
            if (isHeld && channel == PeerChannel.Forward && from == _cluster.Numbers[_leader]) held.Add(frame.ToArray());
        };
        Task<KvResult<GetResult>> read = Begin(5000);
        _cluster.Run(250);
        isHeld = false;
        foreach (byte[] frame in held)
        {
            _cluster.Network.Inject(_cluster.Numbers[_leader], _cluster.Numbers[_follower], PeerChannel.Forward, frame);
        }

        GetResult got = _cluster.Await(read).Value;
        Assert.InRange(got.Meta.StalenessMs ?? -1, 250, 1000);
    }

    [Fact]
    public void A_bounded_read_of_a_replica_that_lags_waits_for_what_was_acknowledged()
    {
        // Frames of Raft to the follower are lost; it hears that its leader is there, and can ask.
        _cluster.Network.LosesFrame = (_, to, channel) => to == _cluster.Numbers[_follower] && channel == PeerChannel.Raft;
        Assert.True(_cluster.Put("k", "new").IsOk);
        Task<KvResult<GetResult>> read = Begin(1);
        _cluster.Run(100);
        _cluster.Network.Heal();
        Assert.Equal("new", System.Text.Encoding.UTF8.GetString(_cluster.Await(read).Value.Value.Span));
    }

    private GetResult Bounded(int ms) => _cluster.Await(Begin(ms)).Value;

    private Task<KvResult<GetResult>> Begin(int ms)
    {
        var bounded = new ReadOptions { Consistency = Consistency.Bounded, MaxStaleness = TimeSpan.FromMilliseconds(ms) };
        return _cluster.Nodes[_follower]!.GetAsync(Bytes("k"), bounded, _cluster.Context(3000)).AsTask();
    }
}
