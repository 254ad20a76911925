using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Node.Tests.MetaGroup;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Membership;

/// <summary>
/// Membership and Raft disagree (docs/faults.md, T5). What membership says is a hint: who is there is judged by the frames
/// of nodes and by the heartbeats of the registry.
/// </summary>
public sealed class HintTests
{
    private const int Doubted = 2;

    [Fact]
    public void A_node_that_only_membership_calls_dead_leads_serves_and_keeps_its_replicas()
    {
        GrowingCluster cluster = Four();
        string before = cluster.Describe();
        string[] led = KeysLedBy(cluster, Doubted);

        // Twice as long as would have it replaced, were it silent.
        for (int second = 0; second < 40; second++)
        {
            Say(cluster, isAlive: false);
            foreach (string key in led)
            {
                string value = $"{key} at {second}";
                Assert.True(Put(cluster, Doubted, key, value).IsOk, $"{value} is refused");
                Assert.Equal(value, cluster.Read(key));
            }

            cluster.Run(1000);
        }

        // Maps, views, replicas, who leads, configurations.
        Assert.Equal(before, cluster.Describe());
        Assert.Equal(led, KeysLedBy(cluster, Doubted));
        Assert.All(cluster.Status.Nodes, static n => Assert.True(n.IsLive));
        Assert.All(cluster.Status.Shards, static s => Assert.Null(s.Move));
    }

    [Fact]
    public void A_node_that_only_membership_hears_is_succeeded_and_replaced_all_the_same()
    {
        GrowingCluster cluster = Four();
        string[] led = KeysLedBy(cluster, Doubted);
        cluster.Network.Isolate(Doubted);

        RunAndSay(
            cluster, () => led.All(key => Leads(cluster, key) is { } leader && leader != Doubted), "others lead what it led", msMax: 5000);
        foreach (string key in led) Assert.True(Put(cluster, Leads(cluster, key)!.Value, key, "behind it").IsOk, $"{key} is refused");
        RunAndSay(cluster, () => KeysLedBy(cluster, Doubted).Length == 0, "it leads nothing any more", msMax: 5000);
        RunAndSay(
            cluster,
            () => cluster.Status is var status && status.Nodes.Any(static n => n is { Node.Number.Value: Doubted, IsLive: false })
                && status.Shards.Take(cluster.Shards).All(static s => s.Move is null && s.Replicas.All(r => r.Node.Value != Doubted)),
            "its replicas are elsewhere",
            msMax: 60_000);
        foreach (string key in led) Assert.Equal("behind it", cluster.Read(key));
    }

    private static GrowingCluster Four()
    {
        GrowingCluster cluster = GrowingCluster.Of(4, configure: static o => o with
        {
            Placement = new PlacementOptions { DeadAfter = TimeSpan.FromSeconds(20) },
        });
        // A leader that was just made is not doubted: shards are led by all, and stay so.
        cluster.RunUntil(() => cluster.Nodes.Keys.All(n => KeysLedBy(cluster, n).Length > 0), "each node leads a shard");
        cluster.RunUntil(
            () => cluster.Leader(cluster.Meta)?.Configuration is { IsJoint: false, Voters.Count: >= 3 }, "a registry of three");
        cluster.Run(5000);
        // The one that is asked and the one that decides hear each other throughout.
        Assert.NotEqual(Doubted, (int)cluster.LeaderNode(cluster.Meta).Number.Value);
        return cluster;
    }

    // To all of them, the doubted one as well, as SWIM would; its own words are of the others.
    private static void Say(GrowingCluster cluster, bool isAlive)
    {
        foreach (NoriNode node in cluster.Nodes.Values)
        {
            node.SetMembers(
            [
                .. cluster.Nodes.Keys.Select(n => new Member(new NodeNumber((ulong)n), $"n{n}", $"n{n}:7447", isAlive || n != Doubted)
                {
                    HasFailed = !isAlive && n == Doubted,
                }),
            ]);
        }
    }

    private static void RunAndSay(GrowingCluster cluster, Func<bool> condition, string what, int msMax) => cluster.RunUntil(
        () =>
        {
            Say(cluster, isAlive: true);
            return condition();
        },
        what,
        msMax);

    // A key of each shard that the node itself says it leads.
    private static string[] KeysLedBy(GrowingCluster cluster, int node) =>
    [
        .. Enumerable.Range(0, 200).Select(static i => $"k{i}")
            .GroupBy(key => cluster.Nodes[node].ShardOf(Bytes(key)))
            .Where(shard => cluster.Nodes[node].Log.Group(shard.Key)?.Core.Role == Nori.Raft.Core.RaftRole.Leader)
            .OrderBy(static shard => shard.Key)
            .Select(static shard => shard.First()),
    ];

    private static int? Leads(GrowingCluster cluster, string key)
    {
        ShardId shard = cluster.Nodes[1].ShardOf(Bytes(key));
        return cluster.Nodes.Where(n => n.Value.Log.Group(shard)?.Core.Role == Nori.Raft.Core.RaftRole.Leader)
            .OrderByDescending(n => n.Value.Inspect(shard).Term).Select(static n => (int?)n.Key).FirstOrDefault();
    }

    private static KvResult<PutResult> Put(GrowingCluster cluster, int node, string key, string value) => cluster.Await(
        cluster.Nodes[node].PutAsync(Bytes(key), Bytes(value), new PutOptions(), cluster.Context(2000)).AsTask());
}
