using Nori.IO;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>Empty servers that join a running cluster through a seed.</summary>
public sealed class JoinTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_node_alone_is_joined_by_others_and_they_know_each_other_also_behind_a_restart()
    {
        await using TestServer first = await TestServer.StartAsync();
        var files = new MemoryFileSystem();
        string cluster = first.Server.Node.View.ClusterId;
        int port = FreePort.Next();
        TestServer second = await JoinAsync("n2", files, [Seed(first)], o => o with
        {
            TotalShards = 32,
            RpcAddress = new HostPort("127.0.0.1", port),
        });
        Assert.Equal(cluster, second.Server.Node.View.ClusterId);
        Assert.Equal(16, second.Server.Node.View.TotalShards);
        await UntilAsync(() => second.LogText.Contains("total_shards is the cluster's", StringComparison.Ordinal));
        await UntilAsync(() => Names(first) == "n1,n2" && Names(second) == "n1,n2");
        await second.DisposeAsync();

        await using TestServer again = await JoinAsync("n2", files, [], o => o with { RpcAddress = new HostPort("127.0.0.1", port) });
        Assert.Equal(cluster, again.Server.Node.View.ClusterId);
        await UntilAsync(() => Names(again) == "n1,n2");
    }

    [Fact]
    public async Task A_member_that_is_started_with_other_settings_is_warned_each_time_and_shows_those_that_count()
    {
        await using TestServer first = await TestServer.StartAsync();
        var files = new MemoryFileSystem();
        await (await JoinAsync("n2", files, [Seed(first)])).DisposeAsync();
        await using TestServer again = await JoinAsync("n2", files, [], static o => o with
        {
            TotalShards = 32, HashTags = true, ReplicationFactor = 5,
        });
        await UntilAsync(() => again.LogText.Contains("effective options", StringComparison.Ordinal));
        string[] lines = again.LogText.Split('\n');
        AssertWarns("total_shards is the cluster's, the configured one is ignored", "total_shards=16 configured=32");
        AssertWarns("hash_tags is the cluster's, the configured one is ignored", "hash_tags=false configured=true");
        AssertWarns("replication_factor counts when a cluster is formed, the configured one is ignored", "formed=3 configured=5");
        string options = Assert.Single(lines, static l => l.Contains("effective options", StringComparison.Ordinal));
        Assert.Contains("cluster.total_shards=16", options, StringComparison.Ordinal);
        Assert.Contains("cluster.hash_tags=false", options, StringComparison.Ordinal);

        void AssertWarns(string words, string values)
        {
            string line = Assert.Single(lines, l => l.Contains(words, StringComparison.Ordinal));
            Assert.Contains("WARN", line, StringComparison.Ordinal);
            Assert.Contains(values, line, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_node_alone_that_is_started_with_other_shards_is_warned_and_shows_those_that_count()
    {
        var files = new MemoryFileSystem();
        await (await JoinAsync("n1", files, [])).DisposeAsync();
        await using TestServer again = await JoinAsync("n1", files, [], static o => o with { TotalShards = 32 });
        await UntilAsync(() => again.LogText.Contains("effective options", StringComparison.Ordinal));
        Assert.Contains("total_shards=16 configured=32", again.LogText, StringComparison.Ordinal);
        Assert.Contains("cluster.total_shards=16", again.LogText, StringComparison.Ordinal);
        Assert.DoesNotContain("cluster.total_shards=32", again.LogText, StringComparison.Ordinal);
    }

    // The node that was alone when it was founded finds the others by what it kept.
    [Fact]
    public async Task The_first_node_comes_back_without_seeds_and_is_part_of_the_cluster()
    {
        var files = new MemoryFileSystem();
        int port = FreePort.Next();
        TestServer first = await JoinAsync("n1", files, [], o => o with { RpcAddress = new HostPort("127.0.0.1", port) });
        await using TestServer second = await JoinAsync("n2", new MemoryFileSystem(), [Seed(first)]);
        await using TestServer third = await JoinAsync("n3", new MemoryFileSystem(), [Seed(first)]);
        TestServer[] three = [first, second, third];
        await UntilAsync(() => three.All(static s => s.Server.Node.Health is { Status: HealthStatus.Healthy, Shards.Count: >= 16 }));
        await first.DisposeAsync();
        await using TestServer again = await JoinAsync("n1", files, [], o => o with { RpcAddress = new HostPort("127.0.0.1", port) });
        await UntilAsync(() => Names(again) == "n1,n2,n3");
        await UntilAsync(() => again.Server.Node.Health is { Status: HealthStatus.Healthy, Shards.Count: >= 16 });
    }

    [Fact]
    public async Task A_name_that_another_store_has_is_refused_and_the_way_out_named()
    {
        await using TestServer first = await TestServer.StartAsync();
        await using TestServer second = await JoinAsync("n2", new MemoryFileSystem(), [Seed(first)]);
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(
            () => JoinAsync("n2", new MemoryFileSystem(), [Seed(first)]));
        Assert.Equal(ExitCodes.No, refused.ExitCode);
        Assert.Contains("norikv cluster replace", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_cluster_name_and_other_hash_tags_are_refused_by_name()
    {
        await using TestServer first = await TestServer.StartAsync();
        ServerStartException name = await Assert.ThrowsAsync<ServerStartException>(
            () => JoinAsync("n2", new MemoryFileSystem(), [Seed(first)], static o => o with { ClusterName = "other" }));
        Assert.Contains("cluster.name is 'norikv' here and 'other' at n2", name.Message, StringComparison.Ordinal);
        ServerStartException tags = await Assert.ThrowsAsync<ServerStartException>(
            () => JoinAsync("n2", new MemoryFileSystem(), [Seed(first)], static o => o with { HashTags = true }));
        Assert.Contains("hash_tags is false in this cluster", tags.Message, StringComparison.Ordinal);
    }

    // It was configured to found one; there is one already.
    [Fact]
    public async Task An_empty_node_that_expects_others_joins_the_cluster_that_its_seed_has()
    {
        await using TestServer first = await TestServer.StartAsync();
        await using TestServer second = await JoinAsync(
            "n2", new MemoryFileSystem(), [Seed(first)], static o => o with { BootstrapExpect = 1 });
        Assert.Equal(first.Server.Node.View.ClusterId, second.Server.Node.View.ClusterId);
    }

    private static Task<TestServer> JoinAsync(
        string id, MemoryFileSystem files, HostPort[] seeds, Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.StartAsync(
            o =>
            {
                o = o with { NodeId = id, SeedNodes = seeds, SwimEnabled = false };
                return change is null ? o : change(o);
            },
            p => p with { FileSystem = files });

    private static HostPort Seed(TestServer server) => new("127.0.0.1", server.Server.RpcEndPoint.Port);

    private static string Names(TestServer server) => string.Join(',', server.Server.Node.View.Nodes.Select(static n => n.Id).Order());

    private static async Task UntilAsync(Func<bool> holds)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!holds()) await Task.Delay(20, patience.Token);
    }
}
