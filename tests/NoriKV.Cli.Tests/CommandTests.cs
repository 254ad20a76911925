using System.Text;
using System.Text.Json;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Tests;

public sealed class CommandTests : IDisposable
{
    private readonly CliRunner _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Get_prints_the_bytes_that_put_stored_and_nothing_else()
    {
        byte[] bytes = [0, 255, 10, 13, 7, 200];
        await File.WriteAllBytesAsync(_cli.File("v"), bytes);
        Assert.Equal(0, await _cli.RunAsync(["put", "k", "--file", _cli.File("v")]));
        Assert.Equal("version 1.1\n", _cli.Output);
        Assert.Equal(0, await _cli.RunAsync("get k"));
        Assert.Equal(bytes, _cli.OutputBytes);
    }

    [Fact]
    public async Task Put_takes_the_value_from_standard_input()
    {
        Assert.Equal(0, await _cli.RunAsync(["put", "k"], "line\n"u8.ToArray()));
        await _cli.RunAsync("get k");
        Assert.Equal("line\n", _cli.Output);
    }

    [Fact]
    public async Task Put_without_a_value_on_a_terminal_teaches()
    {
        _cli.InputIsTerminal = true;
        Assert.Equal(2, await _cli.RunAsync("put k"));
        Assert.Contains("--file", _cli.Error);
    }

    [Theory]
    [InlineData("put --tll 5s")]
    [InlineData("get --nope")]
    [InlineData("delete --jsno")]
    [InlineData("export --forse")]
    [InlineData("server --nope")]
    public async Task A_mistyped_flag_is_neither_a_key_nor_a_file(string line)
    {
        Assert.Equal(2, await _cli.RunAsync(line));
        Assert.Contains($"There is no option {line.Split(' ')[1]}", _cli.Error);
    }

    [Fact]
    public async Task Behind_two_dashes_a_key_may_begin_as_it_likes()
    {
        Assert.Equal(0, await _cli.RunAsync("put -- --key --value"));
        Assert.Equal(0, await _cli.RunAsync("get -- --key"));
        Assert.StartsWith("--value", _cli.Output);
        Assert.Equal(0, await _cli.RunAsync("put temperature -5"));
    }

    [Fact]
    public async Task A_missing_key_exits_with_1_and_prints_nothing_to_standard_output()
    {
        Assert.Equal(1, await _cli.RunAsync("get nothing"));
        Assert.Empty(_cli.OutputBytes);
        Assert.Equal(1, await _cli.RunAsync("get nothing --json"));
        Assert.False(JsonDocument.Parse(_cli.Output).RootElement.GetProperty("found").GetBoolean());
    }

    [Fact]
    public async Task Json_gives_base64_where_the_value_is_not_text()
    {
        await _cli.Store.PutAsync("b"u8.ToArray(), new byte[] { 255, 0 });
        await _cli.Store.PutAsync("t"u8.ToArray(), "é"u8.ToArray());
        await _cli.RunAsync("get b --json");
        Assert.Equal("/wA=", JsonDocument.Parse(_cli.Output).RootElement.GetProperty("value_b64").GetString());
        await _cli.RunAsync("get t --json");
        Assert.Equal("é", JsonDocument.Parse(_cli.Output).RootElement.GetProperty("value").GetString());
    }

    [Fact]
    public async Task Conditions_reach_the_store_and_a_no_exits_with_1()
    {
        Assert.Equal(0, await _cli.RunAsync("put k a --ttl 30m"));
        Assert.Equal(TimeSpan.FromMinutes(30), _cli.Store.TtlOf("k"));
        Assert.Equal(0, await _cli.RunAsync("put k b --if-match 1.1"));
        Assert.Equal(1, await _cli.RunAsync("put k c --if-match 1.1"));
        Assert.Contains("Version mismatch", _cli.Error);
        Assert.Equal(1, await _cli.RunAsync("put k c --if-not-exists"));
        Assert.Equal(2, await _cli.RunAsync("put k c --if-match nonsense"));
        Assert.Equal(0, await _cli.RunAsync("delete k"));
        Assert.Equal(1, await _cli.RunAsync("delete k"));
    }

    [Fact]
    public async Task Keys_of_any_bytes_go_as_base64()
    {
        Assert.Equal(0, await _cli.RunAsync("put /wA= v --key-b64"));
        Assert.True((await _cli.Store.GetAsync(new byte[] { 255, 0 })).Found);
        Assert.Equal(2, await _cli.RunAsync("get *** --key-b64"));
    }

    [Fact]
    public async Task Scan_prints_one_escaped_pair_a_line()
    {
        await _cli.Store.PutAsync("a:1"u8.ToArray(), "x\ty\nz"u8.ToArray());
        await _cli.Store.PutAsync("a:2"u8.ToArray(), new byte[] { 254 });
        await _cli.Store.PutAsync("b"u8.ToArray(), ""u8.ToArray());
        Assert.Equal(0, await _cli.RunAsync("scan --prefix a:"));
        Assert.Equal("a:1\tx\\ty\\nz\na:2\t\\xfe\n", _cli.Output);
        await _cli.RunAsync("scan --keys-only --reverse --limit 2");
        Assert.Equal("b\na:2\n", _cli.Output);
        await _cli.RunAsync("scan --count --start a:2");
        Assert.Equal("2\n", _cli.Output);
        await _cli.RunAsync("scan --prefix a:2 --json");
        Assert.Equal("{\"key\":\"a:2\",\"value_b64\":\"/g==\",\"version\":\"1.2\"}\n", _cli.Output);
        Assert.Equal(2, await _cli.RunAsync("scan --prefix a --start b"));
    }

    [Theory]
    [InlineData("hello", 309)]
    [InlineData("user:123", 928)]
    [InlineData("a", 894)]
    public async Task Shard_of_agrees_with_the_contract(string key, int shard)
    {
        Assert.Equal(0, await _cli.RunAsync(["shard-of", key]));
        Assert.Equal($"{shard}\n", _cli.Output);
    }

    [Fact]
    public async Task Addresses_come_from_the_flag_then_the_environment_then_the_default()
    {
        await _cli.RunAsync("get k");
        Assert.Equal(["localhost:7447"], _cli.Options!.Addresses);
        _cli.Environment["NORIKV_ADDR"] = "a:1,b:2";
        await _cli.RunAsync("get k");
        Assert.Equal(["a:1", "b:2"], _cli.Options!.Addresses);
        await _cli.RunAsync("get k --addr c:3 --timeout 250ms");
        Assert.Equal(["c:3"], _cli.Options!.Addresses);
        Assert.Equal(TimeSpan.FromMilliseconds(250), _cli.Options.Deadline);
        Assert.Equal(2, await _cli.RunAsync("get k --addr nonsense"));
    }

    [Fact]
    public async Task Nobody_listening_is_told_at_once_with_what_to_do()
    {
        _cli.ProbesNodes = true;
        int port = FreePort.Next();
        Assert.Equal(3, await _cli.RunAsync($"get k --addr 127.0.0.1:{port}"));
        Assert.Contains($"127.0.0.1:{port}", _cli.Error);
        Assert.Contains("norikv dev", _cli.Error);
        Assert.Equal(3, await _cli.RunAsync($"get k --json --addr 127.0.0.1:{port}"));
        Assert.Equal(
            "Unavailable",
            JsonDocument.Parse(_cli.Error).RootElement.GetProperty("error").GetProperty("code").GetString());
    }

    /// <summary>Who answered need not be started.</summary>
    [Theory]
    [InlineData(KvCode.Unavailable)]
    [InlineData(KvCode.QuorumUnavailable)]
    public async Task A_node_that_answers_and_cannot_serve_is_a_case_for_the_doctor(KvCode code)
    {
        _cli.Store.OnPut = _ => throw NoriKVException.From(new KvError(code, "The leader of the meta group does not answer"));
        Assert.Equal(3, await _cli.RunAsync("put k v"));
        Assert.Contains("norikv doctor", _cli.Error);
        Assert.DoesNotContain("norikv dev", _cli.Error);
    }

    [Theory]
    [InlineData(KvCode.VersionMismatch, 1)]
    [InlineData(KvCode.InvalidArgument, 2)]
    [InlineData(KvCode.Unavailable, 3)]
    [InlineData(KvCode.CommitTimeout, 3)]
    [InlineData(KvCode.Internal, 70)]
    public async Task Exit_codes_follow_the_contract(KvCode code, int exit)
    {
        _cli.Store.OnPut = _ => throw NoriKVException.From(new KvError(code, "said so"));
        Assert.Equal(exit, await _cli.RunAsync("put k v"));
        Assert.Contains("said so", _cli.Error);
    }

    [Theory]
    [InlineData("frobnicate")]
    [InlineData("get")]
    [InlineData("get a b c")]
    [InlineData("get k --consistency perhaps")]
    [InlineData("put k v --ttl soon")]
    [InlineData("get k --timeout never")]
    [InlineData("bench --mix get=50,put=60")]
    [InlineData("dev --nodes 0")]
    [InlineData("server --total-shards many")]
    [InlineData("server --colour blue")]
    public async Task A_wrong_command_line_exits_with_2(string line)
    {
        Assert.Equal(2, await _cli.RunAsync(line));
        Assert.NotEmpty(_cli.Error);
    }

    [Theory]
    [InlineData("get")]
    [InlineData("put")]
    [InlineData("delete")]
    [InlineData("scan")]
    [InlineData("import")]
    [InlineData("export")]
    [InlineData("bench")]
    [InlineData("shard-of")]
    [InlineData("server")]
    [InlineData("dev")]
    public async Task Every_help_has_examples(string command)
    {
        Assert.Equal(0, await _cli.RunAsync([command, "--help"]));
        Assert.Contains("Examples:\n  norikv " + command, _cli.Output.ReplaceLineEndings("\n"));
        Assert.Contains("--json", _cli.Output);
    }

    [Fact]
    public async Task Bench_reports_latencies_and_the_disk()
    {
        Assert.Equal(
            0,
            await _cli.RunAsync(
                ["bench", "--duration", "300ms", "--warmup", "0s", "--keys", "100", "--json", "--sync-dir", _cli.Folder]));
        JsonElement root = JsonDocument.Parse(_cli.Output).RootElement;
        Assert.True(root.GetProperty("operations_per_second").GetDouble() > 0);
        Assert.True(root.GetProperty("latency_microseconds").GetProperty("all").GetProperty("p99.9").GetDouble() > 0);
        Assert.True(root.GetProperty("disk_sync_microseconds").GetProperty("p50").GetDouble() > 0);
        Assert.Empty(Directory.GetFileSystemEntries(_cli.Folder));
    }

    [Fact]
    public async Task A_file_that_is_missing_is_a_usage_error()
    {
        Assert.Equal(2, await _cli.RunAsync(["import", _cli.File("missing.jsonl")]));
        Assert.Contains("missing.jsonl", _cli.Error);
    }
}
