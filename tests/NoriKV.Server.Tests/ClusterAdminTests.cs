using Nori.Grpc;
using Nori.IO;
using NoriKV.Proto.V1;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server.Tests;

/// <summary>The cluster is operated through any of its nodes.</summary>
public sealed class ClusterAdminTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Any_node_says_how_the_cluster_is_and_moves_a_leadership()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        foreach (TestServer server in cluster.Servers)
        {
            ClusterStatus status = await UntilAsync(server, static s => s.Nodes.All(static n => n.Live));
            Assert.Equal(["n1", "n2", "n3"], status.Nodes.Select(static n => n.Id));
            Assert.Equal(16u, status.TotalShards);
            Assert.Equal(17, status.Shards.Count);
            Assert.All(status.Shards, static s => Assert.Equal(3, s.Replicas.Count));
            Assert.Equal(3u, status.EffectiveReplicationFactor);
            Assert.Empty((await server.Rpc.UnaryAsync(
                AdminMethods.GetClusterStatus, new ClusterStatusRequest { OmitShards = true })).Shards);
        }

        ClusterStatus before = await UntilAsync(cluster[0], static s => s.Shards.All(static x => x.Leader.Length > 0));
        string other = before.Nodes.First(n => n.Id != before.Shards[5].Leader).Id;
        // A young cluster levels its leaderships: this one may just be moving, or be moved again.
        await UntilAsync(
            async () =>
            {
                await cluster[1].Rpc.UnaryAsync(AdminMethods.MoveLeader, new MoveLeaderRequest { Shard = 5, TargetNodeId = other });
                return await StatusAsync(cluster[2]);
            },
            s => s.Shards[5].Leader == other);
    }

    [Fact]
    public async Task What_must_not_be_is_refused_with_words_that_teach()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        await UntilAsync(cluster[1], static s => s.Nodes.All(static n => n.Live));
        GrpcChannel rpc = cluster[1].Rpc;
        await RefusedAsync(
            rpc.UnaryAsync(AdminMethods.DrainNode, new DrainNodeRequest { NodeId = "n9" }), "its members are n1, n2, n3");
        await RefusedAsync(
            rpc.UnaryAsync(AdminMethods.DrainNode, new DrainNodeRequest { NodeId = "n2" }), "too few for 3 replicas");
        await RefusedAsync(rpc.UnaryAsync(AdminMethods.ReplaceNode, new NodeRequest { NodeId = "n2" }), "Node n2 is there");
        await RefusedAsync(rpc.UnaryAsync(AdminMethods.DecommissionNode, new NodeRequest { NodeId = "n2" }), "cluster drain n2");
        await RefusedAsync(
            rpc.UnaryAsync(AdminMethods.MoveLeader, new MoveLeaderRequest { Shard = 5, TargetNodeId = "n9" }), "n1, n2, n3");
        GrpcException wrong = await Wire.FailsAsync(
            rpc.UnaryAsync(AdminMethods.MoveLeader, new MoveLeaderRequest { Shard = 99, TargetNodeId = "n1" }));
        Assert.Equal(GrpcStatusCode.InvalidArgument, wrong.Code);
    }

    [Fact]
    public async Task A_fourth_node_is_drained_and_removed_through_another_one_and_knows_it()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        var files = new MemoryFileSystem();
        await using TestServer fourth = await StartFourthAsync();
        await UntilAsync(cluster[1], static s => s.Shards.SelectMany(static x => x.Replicas).Any(static r => r.NodeId == "n4"));
        await cluster[1].Rpc.UnaryAsync(AdminMethods.DrainNode, new DrainNodeRequest { NodeId = "n4" });
        await UntilAsync(cluster[2], static s =>
            !s.Shards.SelectMany(static x => x.Replicas).Any(static r => r.NodeId == "n4")
            && s.Nodes.Single(static n => n.Id == "n4").State == "draining");
        ClusterStatus after = await cluster[0].Rpc.UnaryAsync(AdminMethods.DecommissionNode, new NodeRequest { NodeId = "n4" });
        Assert.Equal("decommissioned", after.Nodes.Single(static n => n.Id == "n4").State);
        await AssertKnowsAsync(fourth);

        // Also where nothing of it was written down: its peers say it again.
        await fourth.DisposeAsync();
        if (files.FileExists("/data/registry")) files.Delete("/data/registry");
        await using TestServer again = await StartFourthAsync();
        await AssertKnowsAsync(again);

        Task<TestServer> StartFourthAsync() => TestServer.StartAsync(
            o => o with
            {
                NodeId = "n4",
                SwimEnabled = false,
                SeedNodes = [new HostPort("127.0.0.1", cluster[0].Server.RpcEndPoint.Port)],
            },
            p => p with { FileSystem = files });
    }

    private static async Task AssertKnowsAsync(TestServer gone)
    {
        const string words = "Node n4 was decommissioned";
        // Before it hears of it, it may say that its shards have no leader: that is no lie, and not yet the reason.
        using var late = new CancellationTokenSource(Patience);
        HttpResponseMessage ready;
        while (true)
        {
            ready = await gone.Http.GetAsync("/readyz", late.Token);
            if ((await ready.Content.ReadAsStringAsync(late.Token)).Contains(words, StringComparison.Ordinal)) break;
            await Task.Delay(20, late.Token);
        }

        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        GrpcException put = await Wire.FailsAsync(gone.PutAsync("k", "v"));
        Assert.Equal(GrpcStatusCode.Unavailable, put.Code);
        Assert.Contains(words, put.Status.Message, StringComparison.Ordinal);
        GrpcException status = await Wire.FailsAsync(gone.Rpc.UnaryAsync(AdminMethods.GetClusterStatus, new ClusterStatusRequest()));
        Assert.Contains(words, status.Status.Message, StringComparison.Ordinal);
    }

    private static async Task RefusedAsync(Task<ClusterStatus> call, string words)
    {
        GrpcException refused = await Wire.FailsAsync(call);
        Assert.Equal(GrpcStatusCode.FailedPrecondition, refused.Code);
        Assert.Contains(words, refused.Status.Message, StringComparison.Ordinal);
    }

    private static Task<ClusterStatus> StatusAsync(TestServer server) =>
        server.Rpc.UnaryAsync(AdminMethods.GetClusterStatus, new ClusterStatusRequest());

    private static Task<ClusterStatus> UntilAsync(TestServer server, Func<ClusterStatus, bool> condition) =>
        UntilAsync(() => StatusAsync(server), condition);

    private static async Task<ClusterStatus> UntilAsync(Func<Task<ClusterStatus>> ask, Func<ClusterStatus, bool> condition)
    {
        using var late = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                ClusterStatus status = await ask();
                if (condition(status)) return status;
            }
            catch (GrpcException failure) when (failure.Code
                is GrpcStatusCode.Unavailable or GrpcStatusCode.DeadlineExceeded or GrpcStatusCode.FailedPrecondition)
            {
                // The meta group elects, or the shard's leadership is on its way.
            }

            await Task.Delay(50, late.Token);
        }
    }
}
