using System.Runtime.CompilerServices;
using NoriKV.Placement;
using NoriKV.Proto.V1;
using NoriKV.Types;
using ClusterNode = NoriKV.Proto.V1.ClusterNode;
using ClusterView = NoriKV.Proto.V1.ClusterView;

namespace NoriKV.Client.Tests;

public sealed class RoutingTests
{
    [Fact]
    public async Task Each_key_goes_to_the_leader_of_its_shard_once_the_view_is_known()
    {
        await using var cluster = new ScriptedCluster();
        var known = new TaskCompletionSource();
        cluster.Only.OnWatch = token => View(known, token);
        await cluster.Client.GetAsync("warm-up"); // starts the watch
        await known.Task;
        int before = cluster.Only.Calls.Count;

        for (int i = 0; i < 100; i++) await cluster.Client.GetAsync($"key-{i}");

        Assert.Equal(before, cluster.Only.Calls.Count);
        foreach (string address in new[] { "n0:7", "n1:7" })
        {
            Assert.NotEmpty(cluster[address].Calls);
            Assert.All(cluster[address].Calls, call => Assert.Equal(
                address, $"n{KeyHash.Shard(call.Get.Key.Span, 16, false).Value % 2}:7"));
        }
    }

    [Fact]
    public async Task A_watch_goes_on_after_a_failure_and_never_backwards()
    {
        await using var cluster = new ScriptedCluster();
        ulong[][] epochs = [[1, 2], [1, 2, 3], [2, 5]];
        int opened = 0;
        cluster.Only.OnWatch = token => Epochs(opened < epochs.Length ? epochs[opened++] : [5], token);
        var seen = new List<ulong>();
        await foreach (Types.ClusterView view in cluster.Client.WatchClusterAsync())
        {
            seen.Add(view.Epoch);
            if (view.Epoch == 5) break;
        }

        Assert.Equal([1UL, 2, 3, 5], seen);
    }

    [Fact]
    public async Task Connecting_to_nobody_says_so()
    {
        await using var cluster = new ScriptedCluster(
            new NoriKVClientOptions { Deadline = TimeSpan.FromSeconds(2) });
        cluster.Only.OnWatch = _ => Refused();
        var e = await Assert.ThrowsAsync<UnavailableException>(async () => await cluster.Client.GetClusterViewAsync());
        Assert.Contains("a:1", e.Message);
    }

    private static async IAsyncEnumerable<ClusterView> View(
        TaskCompletionSource known, [EnumeratorCancellation] CancellationToken token)
    {
        var view = new ClusterView { Epoch = 1, TotalShards = 16, ClusterId = "c" };
        for (int i = 0; i < 2; i++) view.Nodes.Add(new ClusterNode { Id = $"n{i}", Addr = $"n{i}:7", Role = "leader" });
        for (uint shard = 0; shard < 16; shard++)
        {
            var info = new ShardInfo { Id = shard };
            info.Replicas.Add(new ShardReplica { NodeId = $"n{shard % 2}", Leader = true });
            view.Shards.Add(info);
        }

        yield return view;
        // Asked for the next view only after the one before was taken.
        known.TrySetResult();
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
    }

    private static async IAsyncEnumerable<ClusterView> Refused()
    {
        await Task.Yield();
        foreach (ulong epoch in new ulong[] { 1 })
        {
            if (epoch == 1) throw new Transport.RpcException(new KvError(KvCode.Unavailable, "refused"), false);
            yield return new ClusterView { Epoch = epoch };
        }
    }

    private static async IAsyncEnumerable<ClusterView> Epochs(
        ulong[] epochs, [EnumeratorCancellation] CancellationToken token)
    {
        foreach (ulong epoch in epochs)
        {
            await Task.Yield();
            token.ThrowIfCancellationRequested();
            yield return new ClusterView { Epoch = epoch, ClusterId = "c" };
        }
    }
}
