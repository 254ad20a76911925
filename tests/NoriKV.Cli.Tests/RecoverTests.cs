using System.Text.Json;
using NoriKV.Cli.Cluster;
using NoriKV.Node.Recovery;
using NoriKV.Server;
using NoriKV.Types;

namespace NoriKV.Cli.Tests;

/// <summary>norikv recover: what it prints, and what it refuses. What it does is tested where it is done.</summary>
public sealed class RecoverTests : IDisposable
{
    private readonly CliRunner _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_directory_whose_node_could_simply_be_started_is_refused_and_so_is_what_is_none()
    {
        string data = _cli.File("n1");
        await using (RunningServer server = await ServerHost.StartAsync(new ServerOptions
        {
            NodeId = "n1",
            RpcAddress = new HostPort("127.0.0.1", 0),
            HttpAddress = new HostPort("127.0.0.1", 0),
            DataDirectory = data,
            TotalShards = 4,
            LogSegmentBytes = 4 << 20,
            MemtableBytes = 4 << 20,
        }))
        {
            Assert.Equal(1, await _cli.RunAsync(["recover", data]));
            Assert.Contains("is in use: stop the node first", _cli.Error, StringComparison.Ordinal);
        }

        string[] before = [.. Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories).Order()];
        Assert.Equal(1, await _cli.RunAsync(["recover", data, "--json"]));
        Assert.Contains(
            "nothing is to be recovered. Start these nodes",
            JsonDocument.Parse(_cli.Error).RootElement.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(before, Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories).Order());
        Directory.CreateDirectory(_cli.File("empty"));
        Assert.Equal(1, await _cli.RunAsync(["recover", _cli.File("empty")]));
        Assert.Contains("no node's data directory", _cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await _cli.RunAsync(["recover", _cli.File("missing")]));
        Assert.Equal(0, await _cli.RunAsync("recover --help"));
        Assert.Contains("--lost n2,n3 --apply", _cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_plan_says_what_is_kept_what_may_be_lost_and_the_command_that_does_it()
    {
        var plan = new RecoveryPlan
        {
            OldCluster = FakeCluster.Id,
            NewCluster = new Guid("99999999-2222-4333-8444-555555555555"),
            Survivors = [("n1", "/mnt/n1")],
            Lost = [("n2", "db2:7447"), ("n3", "db3:7447")],
            Shards =
            [
                Shard(0, ShardVerdict.Partial, 12_041), Shard(1, ShardVerdict.Whole, 7), Shard(2, ShardVerdict.Gone, 0),
                Shard(3, ShardVerdict.Partial, 55),
            ],
        };
        Assert.Equal(
            """
            cluster   11111111-2222-4333-8444-555555555555 would become 99999999-2222-4333-8444-555555555555
            left      n1 (/mnt/n1)
            given up  n2,n3
            whole     1 shard: a majority is here, nothing acknowledged is lost
            partial   1 shard: kept through the last entry that is here; what the others acknowledged behind it is lost
            gone      1 shard: no copy is here, all their keys are lost
            meta      partial: joins and moves behind its last entry are forgotten

            SHARD  LEFT ON  LAST INDEX  LAST TERM  COMMITTED  VOTERS    DAMAGE
                0  n1           12,041          3     12,040  n1 n2 n3  -
                2  -                 0          3         -1  n1 n2 n3  -
             meta  n1               55          3         54  n1 n2 n3  -

            Nothing was changed. Copy the directories first; then:
              norikv recover /mnt/n1 --lost n2,n3 --accept-lost-shards --apply
            """.ReplaceLineEndings("\n").Replace(" -1 ", "  0 ", StringComparison.Ordinal),
            string.Join("\n", RecoveryText.Lines(plan, applied: false, ["/mnt/n1"])));
        Assert.StartsWith("Done. Start these nodes", RecoveryText.Lines(plan, applied: true, ["/mnt/n1"]).Last(), StringComparison.Ordinal);
    }

    private static ShardRecovery Shard(uint id, ShardVerdict verdict, ulong last) => new(
        new ShardId(id), verdict, "n1", new ReplicaId((id * 8) + 1), new LogIndex(last), new Term(3),
        new LogIndex(last == 0 ? 0 : last - 1), ["n1", "n2", "n3"], ["n1"], false, new Term(1 << 20));
}
