using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Server;
using NoriKV.Transport.Grpc;
using NoriKV.Types;

namespace NoriKV.Cli.Tests;

/// <summary>norikv cluster: what it prints, what it asks, and how it ends.</summary>
public sealed class ClusterTests : IDisposable
{
    private readonly CliRunner _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Status_says_the_whole_in_five_lines()
    {
        await ShowsAsync("cluster status", 0, """
            cluster  11111111-2222-4333-8444-555555555555
            meta     led by n1, view 1,042
            nodes    3 of 3 there
            shards   4, 3 replicas each, all led
            moves    none
            """);
        Become(Wounded());
        await ShowsAsync("cluster status", 0, """
            cluster  11111111-2222-4333-8444-555555555555
            meta     led by n1, view 1,042
            nodes    2 of 3 there; n3 is silent for 1 min 23 s
            shards   4, 3 replicas each, 1 WITHOUT A LEADER
            moves    1 under way, 5 to do
            """);
    }

    [Fact]
    public async Task Nodes_are_a_table()
    {
        Become(Wounded());
        await ShowsAsync("cluster nodes", 0, """
            NODE  STATE   THERE              REPLICAS  LEADS  ZONE  ADDRESS   NUMBER
            n1    active  yes                       4      2  -     db1:7447       1
            n2    active  yes                       4      1  east  db2:7447       2
            n3    active  silent 1 min 23 s         4      0  -     db3:7447       3
            """);
        JsonElement n2 = (await JsonAsync("cluster nodes --json")).GetProperty("nodes")[1];
        Assert.Equal("east", n2.GetProperty("zone").GetString());
        Assert.True(n2.GetProperty("live").GetBoolean());
    }

    [Fact]
    public async Task Shards_are_a_table_with_the_meta_group_last()
    {
        Become(Wounded());
        await ShowsAsync("cluster shards", 0, """
            SHARD  LEADER  TERM  REPLICAS  MOVE
                0  n1         7  n1 n2 n3  -
                1  n2         7  n1 n2 n3  -
                2  -          0  n1 n2 n3  -
                3  n1         7  n1 n2 n3  from node 3 (replica 27)
             meta  n1         7  n1 n2 n3  -
            """);
        await ShowsAsync("cluster shards --leaderless", 0, """
            SHARD  LEADER  TERM  REPLICAS  MOVE
                2  -          0  n1 n2 n3  -
            """);
        await ShowsAsync("cluster shards 1 --moving", 0, "SHARD  LEADER  TERM  REPLICAS  MOVE");
        Assert.Equal(2, await _cli.RunAsync("cluster shards 9"));
        Assert.Contains("there is no shard 9: there are 4", _cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await _cli.RunAsync("cluster shards --node n7"));
        Assert.Contains("the members are n1, n2, n3", _cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await _cli.RunAsync("cluster shards --limit 2"));
        Assert.Contains("3 more", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_is_a_verdict_with_reasons_and_an_exit_code()
    {
        await ShowsAsync("cluster health", 0, "healthy");
        Become(Wounded());
        await ShowsAsync("cluster health", 1, """
            unhealthy
              node n3 is silent for 1 min 23 s
              1 of 4 shards have no leader
              4 of 4 shards have fewer than 3 replicas on nodes that are there
            norikv doctor says why, and what to do
            """);
        Assert.Equal("unhealthy", (await JsonAsync("cluster health --json", 1)).GetProperty("status").GetString());
        Become(FakeCluster.Three() with { Nodes = [FakeCluster.Node(1), FakeCluster.Node(2), FakeCluster.Node(3, live: false)] });
        Assert.Equal("degraded", (await JsonAsync("cluster health --json", 1)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_drain_shows_what_is_left_and_ends_when_the_node_is_empty()
    {
        Become(Draining(1, 2, 3), Draining(1, 2), Draining(1), Draining());
        _cli.Time = new EagerTime();
        Assert.Equal(0, await _cli.RunAsync("cluster drain n3"));
        Assert.Equal(["drain n3", "status", "status", "status"], _cli.Cluster.Asked);
        Assert.Contains("moved 3 replicas", _cli.Error, StringComparison.Ordinal);
        Assert.StartsWith("n3 is empty. To remove it: norikv cluster decommission n3.", _cli.Output, StringComparison.Ordinal);

        Become(Draining(1, 2));
        JsonElement answer = await JsonAsync("cluster drain n3 --no-wait --replication-factor 1 --json");
        Assert.Equal("drain n3 1", _cli.Cluster.Asked[^1]);
        Assert.Equal("draining", answer.GetProperty("state").GetString());
        Assert.Equal(2, answer.GetProperty("replicas_left").GetInt32());
        Assert.Equal(2, await _cli.RunAsync("cluster drain n3 --replication-factor 0"));
    }

    [Fact]
    public async Task A_drain_outlives_an_election_of_the_meta_group()
    {
        Become(Draining(1), Draining());
        _cli.Time = new EagerTime();
        int failures = 0;
        _cli.Cluster.Before = asked => asked == "status" && failures++ < 3
            ? new KvError(KvCode.Unavailable, "The leader of the meta group does not answer")
            : null;
        Assert.Equal(0, await _cli.RunAsync("cluster drain n3"));
        Assert.Equal(4, failures);
    }

    [Fact]
    public async Task Refusals_are_words_and_exit_code_1()
    {
        _cli.Cluster.Refusal = new KvError(KvCode.FailedPrecondition, "Node n7 is not a member of this cluster; its members are n1, n2");
        Assert.Equal(1, await _cli.RunAsync("cluster drain n7"));
        Assert.Equal("norikv: Node n7 is not a member of this cluster; its members are n1, n2\n", _cli.Error);
        Assert.Empty(_cli.Output);
        Assert.Equal(1, await _cli.RunAsync("cluster decommission n7 --json"));
        Assert.Equal("FailedPrecondition", JsonDocument.Parse(_cli.Error).RootElement.GetProperty("error").GetProperty("code").GetString());
        _cli.Cluster.Refusal = new KvError(KvCode.PermissionDenied, "Admin and Raft answer loopback only");
        Assert.Equal(1, await _cli.RunAsync("cluster status"));
        Assert.Contains("--peer-secret-file", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_replaced_node_that_leaves_too_few_says_how_to_start_another()
    {
        Become(FakeCluster.Three() with
        {
            Nodes = [FakeCluster.Node(1), FakeCluster.Node(2), FakeCluster.Node(3, live: false, state: RegisteredState.Replaced)],
        });
        await ShowsAsync(
            "cluster replace n3", 0,
            "n3 is given up. 2 nodes cannot hold 3 replicas of each shard: start one in its place on an empty directory: "
            + "norikv server --node-id n3 --seed-nodes db1:7447,db2:7447");
        Assert.Equal("gone", (await JsonAsync("cluster replace n3 --json")).GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_moved_leadership_is_awaited_and_shown()
    {
        ClusterStatus after = FakeCluster.Three() with
        {
            Shards = [FakeCluster.Shard(0, 2), .. FakeCluster.Three().Shards.Skip(1)],
        };
        Become(FakeCluster.Three(), FakeCluster.Three(), after);
        _cli.Time = new EagerTime();
        await ShowsAsync("cluster move-leader 0 n2", 0, "shard 0 is led by n2");
        Assert.Equal("lead 0 n2", _cli.Cluster.Asked[0]);
        Become(FakeCluster.Three());
        Assert.False((await JsonAsync("cluster move-leader 0 n2 --json", 1)).GetProperty("leads").GetBoolean());
        await ShowsAsync("cluster move-replica 1 n1 n4", 0, "shard 1 moves from n1 to n4: norikv cluster shards --moving");
    }

    [Fact]
    public async Task The_view_is_what_clients_route_by()
    {
        await ShowsAsync("cluster view", 0, """
            epoch 3, 2 shards, cluster c1
            NODE  ROLE      ADDRESS      LEADS  REPLICAS
            a     leader    a.example:1      1         2
            b     follower  b.example:1      0         1
            """);
        Assert.Equal(3, (await JsonAsync("cluster view --json")).GetProperty("epoch").GetInt32());
    }

    [Fact]
    public async Task The_doctor_says_what_is_wrong_what_shows_it_and_what_to_do()
    {
        await ShowsAsync("doctor", 0, "Nothing is wrong: 2 of 2 nodes answered n1.");
        _cli.Cluster.Diagnosis = new ClusterDiagnosis
        {
            Node = "n1",
            Asked = ["n1", "n2", "n3"],
            Answered = ["n1", "n2"],
            Findings =
            [
                new Finding(FindingIds.DiskStalled, FindingSeverity.Critical, "n2", "The disk of n2 does not answer", "1.7 s",
                    "Look at it"),
                new Finding(FindingIds.FewNodes, FindingSeverity.Info, "", "Each shard has 1 voter", "", ""),
            ],
        };
        await ShowsAsync("doctor", 1, """
            CRITICAL  The disk of n2 does not answer  [disk-stalled]
              seen: 1.7 s
              do:   Look at it

            INFO  Each shard has 1 voter  [few-nodes]

            1 finding: 2 of 3 nodes answered n1.
            """);
        JsonElement found = await JsonAsync("doctor --json", 1);
        Assert.False(found.GetProperty("healthy").GetBoolean());
        Assert.Equal("disk-stalled", found.GetProperty("findings")[0].GetProperty("id").GetString());
        Assert.Equal(2, found.GetProperty("answered").GetArrayLength());
    }

    [Fact]
    public async Task Where_no_node_can_be_reached_each_address_is_named_and_the_exit_code_is_3()
    {
        _cli.RealCluster = true;
        Assert.Equal(3, await _cli.RunAsync("doctor --addr 127.0.0.1:1,127.0.0.1:2"));
        Assert.Contains("cannot reach 127.0.0.1:1", _cli.Error, StringComparison.Ordinal);
        Assert.Contains("cannot reach 127.0.0.1:2", _cli.Error, StringComparison.Ordinal);
    }

    // It takes the connection and says nothing, as a process does that is stopped.
    [Fact]
    public async Task A_question_goes_to_the_next_node_where_one_does_not_answer()
    {
        _cli.RealCluster = true;
        using TcpListener silent = Silent();
        await using RunningServer server = await AloneAsync();
        _cli.Environment["NORIKV_ADDR"] = $"{server.RpcEndPoint}";
        await UntilHealthyAsync();
        Assert.Equal(0, await _cli.RunAsync($"cluster nodes --addr {silent.LocalEndpoint},{server.RpcEndPoint} --timeout 6s"));
        Assert.Contains("alone", _cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cluster nodes", "Give it more time (--timeout)")]
    [InlineData("cluster status", "Give it more time (--timeout)")]
    [InlineData("doctor", "Give it more time (--timeout)")]
    [InlineData("cluster drain n3", "It may have been done: `norikv cluster nodes --all`")]
    [InlineData("cluster undrain n3", "It may have been done: `norikv cluster nodes --all`")]
    [InlineData("cluster move-leader 1 n3", "It may have been done: `norikv cluster nodes --all`")]
    public async Task Whoever_is_not_answered_in_time_is_advised_by_what_was_asked(string command, string advice)
    {
        _cli.RealCluster = true;
        using TcpListener silent = Silent();
        Assert.Equal(3, await _cli.RunAsync($"{command} --addr {silent.LocalEndpoint} --timeout 1s"));
        Assert.Contains($"{silent.LocalEndpoint} did not answer in time", _cli.Error, StringComparison.Ordinal);
        Assert.Contains(advice, _cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--idempotency-key", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_node_says_of_a_wish_whose_outcome_it_does_not_know_is_printed()
    {
        _cli.RealCluster = true;
        GrpcServiceDefinition admin = new GrpcServiceDefinition(AdminMethods.DecommissionNode.Service).AddUnary(
            AdminMethods.DecommissionNode,
            static (_, _) => throw new GrpcException(
                new GrpcStatus(GrpcStatusCode.DeadlineExceeded, "COMMIT_TIMEOUT: n3 is gone; the operation may have been done")));
        await using GrpcServer server = await GrpcServer.StartAsync([admin], new IPEndPoint(IPAddress.Loopback, 0));
        Assert.Equal(3, await _cli.RunAsync($"cluster decommission n3 --addr {server.EndPoints[0]}"));
        Assert.Contains("n3 is gone; the operation may have been done", _cli.Error, StringComparison.Ordinal);
        Assert.Contains("`norikv cluster nodes --all` shows nodes", _cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("in time", _cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cluster move-leader abc n1", "See: norikv cluster move-leader --help")]
    [InlineData("get", "See: norikv get --help")]
    [InlineData("--nonsense", "See: norikv --help")]
    public async Task A_usage_error_names_the_help_of_its_command(string command, string help)
    {
        Assert.Equal(2, await _cli.RunAsync(command));
        Assert.Contains(help, _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Against_a_real_server_everything_is_answered()
    {
        _cli.RealCluster = true;
        await using RunningServer server = await AloneAsync();
        // The first address is nobody's: the next one is asked.
        _cli.Environment["NORIKV_ADDR"] = $"127.0.0.1:1,{server.RpcEndPoint}";
        JsonElement status = await UntilHealthyAsync();
        Assert.Equal("alone", status.GetProperty("meta_leader").GetString());
        Assert.Equal(4, status.GetProperty("total_shards").GetInt32());
        Assert.Equal(5, (await JsonAsync("cluster shards --json")).GetProperty("shards").GetArrayLength());
        Assert.True((await JsonAsync("doctor --json")).GetProperty("healthy").GetBoolean());
        Assert.Equal(1, await _cli.RunAsync("cluster drain alone"));
        Assert.Contains("is the last one", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Address_timeout_and_secret_reach_the_connection()
    {
        _cli.Environment["NORIKV_ADDR"] = "db1:7447,db2:7447";
        _cli.Environment["NORIKV_CLUSTER_PEER_SECRET"] = "from-environment";
        Assert.Equal(0, await _cli.RunAsync("cluster status --timeout 3s"));
        Assert.Equal(["db1:7447", "db2:7447"], _cli.Target!.Addresses);
        Assert.Equal(TimeSpan.FromSeconds(3), _cli.Target.Timeout);
        Assert.Equal("from-environment", _cli.Target.PeerSecret);
        await File.WriteAllTextAsync(_cli.File("secret"), "from-file\n");
        Assert.Equal(0, await _cli.RunAsync(["cluster", "nodes", "--addr", "db3:1", "--peer-secret-file", _cli.File("secret"), "--tls"]));
        Assert.Equal("from-file", _cli.Target.PeerSecret);
        Assert.NotNull(_cli.Target.Tls);
    }

    [Fact]
    public async Task Every_command_has_help_with_examples()
    {
        foreach (string name in new[]
            { "status", "nodes", "shards", "health", "view", "drain", "undrain", "decommission", "replace", "move-leader", "move-replica" })
        {
            Assert.Equal(0, await _cli.RunAsync($"cluster {name} --help"));
            Assert.Contains($"norikv cluster {name}", _cli.Output, StringComparison.Ordinal);
        }

        Assert.Equal(0, await _cli.RunAsync("doctor --help"));
        Assert.Contains("jq", _cli.Output, StringComparison.Ordinal);

        Assert.Equal(2, await _cli.RunAsync("cluster drain"));
    }

    private static TcpListener Silent()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private static Task<RunningServer> AloneAsync() => ServerHost.StartAsync(
        new ServerOptions
        {
            NodeId = "alone",
            RpcAddress = new HostPort("127.0.0.1", 0),
            HttpAddress = new HostPort("127.0.0.1", 0),
            DataDirectory = "/data",
            TotalShards = 4,
        },
        new ServerParts { FileSystem = new Nori.IO.MemoryFileSystem() });

    private async Task<JsonElement> UntilHealthyAsync()
    {
        for (int attempt = 0; attempt < 600; attempt++)
        {
            if (await _cli.RunAsync("cluster status --json") == 0
                && JsonDocument.Parse(_cli.Output).RootElement is var status && status.GetProperty("healthy").GetBoolean()) return status;
            await Task.Delay(50);
        }

        throw new TimeoutException(_cli.Output);
    }

    private static ClusterStatus Wounded() => FakeCluster.Three() with
    {
        Nodes = [FakeCluster.Node(1, 2), FakeCluster.Node(2, 1, zone: "east"), FakeCluster.Node(3, live: false)],
        Shards =
        [
            FakeCluster.Shard(0, 1), FakeCluster.Shard(1, 2), FakeCluster.Shard(2, 0),
            FakeCluster.Shard(3, 1, "from node 3 (replica 27)"), FakeCluster.Shard(4, 1),
        ],
        MovesInFlight = 1,
        MovesWanted = 5,
    };

    // n3 still has these shards.
    private static ClusterStatus Draining(params uint[] left) => FakeCluster.Three() with
    {
        Nodes = [FakeCluster.Node(1), FakeCluster.Node(2), FakeCluster.Node(3, state: RegisteredState.Draining), FakeCluster.Node(4)],
        Shards = [.. Enumerable.Range(0, 5).Select(s => left.Contains((uint)s)
            ? FakeCluster.Shard((uint)s, 1)
            : FakeCluster.Shard((uint)s, 1, null, 1, 2, 4))],
    };

    private void Become(params ClusterStatus[] answers)
    {
        _cli.Cluster.Answers.Clear();
        _cli.Cluster.Asked.Clear();
        foreach (ClusterStatus answer in answers) _cli.Cluster.Answers.Enqueue(answer);
    }

    private async Task ShowsAsync(string command, int exit, string expected)
    {
        Assert.Equal(exit, await _cli.RunAsync(command));
        Assert.Equal(expected.ReplaceLineEndings("\n") + "\n", _cli.Output);
    }

    private async Task<JsonElement> JsonAsync(string command, int exit = 0)
    {
        Assert.Equal(exit, await _cli.RunAsync(command));
        return JsonDocument.Parse(_cli.Output).RootElement;
    }
}
