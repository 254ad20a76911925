using System.Text.Json;
using Nori.IO;
using NoriKV.Cli.Explain;
using NoriKV.Node.Tracing;
using NoriKV.Server;
using NoriKV.Types;

namespace NoriKV.Cli.Tests;

/// <summary><c>norikv explain</c> and <c>norikv slow</c>, against a server in this process.</summary>
public sealed class ExplainTests : IAsyncLifetime
{
    private readonly CliRunner _cli = new();
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ServerHost.StartAsync(
        new ServerOptions
        {
            NodeId = "n1",
            RpcAddress = new HostPort("127.0.0.1", 0),
            HttpAddress = new HostPort("127.0.0.1", 0),
            DataDirectory = "/data",
            TotalShards = 4,
            MemtableBytes = 4 << 20,
            LogSegmentBytes = 4 << 20,
        },
        new ServerParts { FileSystem = new MemoryFileSystem() });

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _cli.Dispose();
    }

    [Fact]
    public async Task Put_and_get_print_their_stages_and_the_outcome()
    {
        Assert.Equal(0, await _cli.RunAsync($"explain put user:1 Ada --addr {_server.RpcEndPoint}"));
        foreach (string word in (string[])
            ["put  shard ", "  n1  ok  ", "route", "queue", "append", "fsync", "apply", "answer", "total", "█", "version 1."])
            Assert.Contains(word, _cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await _cli.RunAsync($"explain get user:1 --addr {_server.RpcEndPoint}"));
        foreach (string word in new[] { "get  shard ", "lease", "lookup", "3 bytes" })
            Assert.Contains(word, _cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Ada", _cli.Output, StringComparison.Ordinal);
        Assert.Equal(1, await _cli.RunAsync($"explain get nobody --addr {_server.RpcEndPoint}"));
        Assert.Contains("there is no such key", _cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task As_json_it_is_the_trace_and_what_the_caller_waited()
    {
        Assert.Equal(0, await _cli.RunAsync($"explain put a 1 --json --addr {_server.RpcEndPoint}"));
        using JsonDocument json = JsonDocument.Parse(_cli.Output);
        RequestTrace trace = RequestTraceJson.Read(json.RootElement.GetProperty("trace"));
        Assert.Equal(("put", "ok"), (trace.Operation, trace.Status));
        Assert.True(json.RootElement.GetProperty("client_us").GetDouble() > 0);
        Assert.Equal(2, await _cli.RunAsync($"explain get a --consistency nonsense --addr {_server.RpcEndPoint}"));
        Assert.Contains("nonsense", _cli.Error, StringComparison.Ordinal);
        Assert.Equal(3, await _cli.RunAsync("explain get a --addr 127.0.0.1:1"));
    }

    [Fact]
    public async Task Slow_requests_are_listed_and_the_threshold_is_set()
    {
        Assert.Equal(0, await _cli.RunAsync($"slow --threshold 2s --http {_server.HttpEndPoint}"));
        Assert.Equal("threshold 2000 ms\n", _cli.Output);
        Assert.Equal(0, await _cli.RunAsync($"slow --threshold 250ms --json --http {_server.HttpEndPoint}"));
        Assert.Equal("{\"threshold_ms\":250}\n", _cli.Output);
        Assert.Equal(2, await _cli.RunAsync($"slow --threshold soon --http {_server.HttpEndPoint}"));
        _server.Node.SlowOperations!.Threshold = TimeSpan.FromTicks(1);
        for (int i = 0; i < 3; i++) Assert.Equal(0, await _cli.RunAsync($"explain put k{i} v --addr {_server.RpcEndPoint}"));
        Assert.Equal(0, await _cli.RunAsync($"slow --http {_server.HttpEndPoint}"));
        Assert.Equal(3, _cli.Output.Split("put  shard").Length - 1);
        Assert.Equal(0, await _cli.RunAsync($"slow --limit 1 --table --http {_server.HttpEndPoint}"));
        Assert.Single(_cli.Output.Split('\n'), static l => l.Contains("total", StringComparison.Ordinal));
        Assert.Equal(0, await _cli.RunAsync($"slow -f --limit 2 --json --http {_server.HttpEndPoint}"));
        Assert.Equal([1, 2], _cli.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line =>
        {
            using JsonDocument each = JsonDocument.Parse(line);
            return each.RootElement.GetProperty("seq").GetInt32();
        }));
        Assert.Equal(3, await _cli.RunAsync("slow --http 127.0.0.1:1"));
    }

    [Fact]
    public void Bars_of_the_critical_path_touch_and_fill_the_width()
    {
        var random = new Nori.Core.Prng(3);
        for (int i = 0; i < 200; i++)
        {
            var stages = new List<TraceStage>();
            TimeSpan at = TimeSpan.Zero;
            for (int s = random.NextInt(1, 12); s > 0; s--)
            {
                TimeSpan length = TimeSpan.FromMicroseconds(random.NextInt(1, 3000));
                stages.Add(new TraceStage("s", "n1", at, length));
                at += length;
            }

            string table = TraceText.Table(Trace(at, stages));
            Assert.Equal(40, table.Count(static c => c == '█'));
            int next = 0;
            foreach (string bar in table.Split('\n').Where(static l => l.Contains('█')).Select(static l => l[(l.IndexOf('█') - 0)..]))
                next += bar.Length;
            Assert.Equal(40, next);
        }
    }

    [Fact]
    public void What_a_node_says_does_not_steer_the_terminal()
    {
        string table = TraceText.Table(Trace(
            TimeSpan.FromMilliseconds(1), [new TraceStage("a\u001b[31m", "n\n1", TimeSpan.Zero, TimeSpan.FromMilliseconds(1), "b\u0007")]));
        Assert.DoesNotContain(table, static c => char.IsControl(c) && c != '\n');
        Assert.Contains("a?[31m b?", table, StringComparison.Ordinal);
    }

    private static RequestTrace Trace(TimeSpan total, IReadOnlyList<TraceStage> stages) => new()
    {
        At = DateTimeOffset.UnixEpoch,
        Operation = "put",
        Shard = new ShardId(3),
        Node = "n1",
        ServedBy = "n2",
        Forwards = 1,
        Status = "ok",
        Total = total,
        Stages = stages,
    };
}
