namespace NoriKV.Acceptance;

/// <summary>The real program from outside: what a newcomer types.</summary>
[Trait("Category", "Slow")]
public sealed class CommandLineTests
{
    [Fact]
    public async Task Dev_prints_what_to_try_serves_it_and_leaves_nothing_behind()
    {
        (NorikvProcess dev, IReadOnlyDictionary<string, string> ready) = await NorikvProcess.ServeAsync(
            "dev", "--rpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0");
        await using (dev)
        {
            string rpc = ready["rpc"], http = ready["http"];
            Assert.True(Directory.Exists(ready["data"]));
            (int put, string version, _) = await NorikvProcess.RunAsync(rpc, "put", "greeting", "hello");
            Assert.Equal(0, put);
            Assert.Matches(@"^version 1\.\d+\n$", version);
            Assert.Equal((0, "hello"), Two(await NorikvProcess.RunAsync(rpc, "get", "greeting")));
            Assert.Equal((0, "1\n"), Two(await NorikvProcess.RunAsync(rpc, "scan", "--count")));
            Assert.Equal((1, ""), Two(await NorikvProcess.RunAsync(rpc, "get", "missing")));
            using var web = new HttpClient();
            Assert.Equal("hello", await web.GetStringAsync(new Uri($"http://{http}/kv/greeting")));
            int exit = await dev.TerminateAsync();
            string output = await dev.WholeOutputAsync();
            Assert.Contains($"curl http://{http}/kv/greeting", output);
            Assert.Contains($"get greeting --addr {rpc}", output);
            Assert.Equal(0, exit);
            Assert.False(Directory.Exists(ready["data"]));
            (int code, _, string error) = await NorikvProcess.RunAsync(rpc, "get", "greeting");
            Assert.Equal(3, code);
            Assert.Contains(rpc, error);
        }
    }

    [Fact]
    public async Task Import_and_export_meet_in_the_middle()
    {
        string folder = Directory.CreateTempSubdirectory("norikv-cli-").FullName;
        try
        {
            string[] lines = [.. Enumerable.Range(0, 20_000).Select(i => $"{{\"key\":\"k{i:d6}\",\"value\":\"v{i}\"}}")];
            await File.WriteAllLinesAsync(Path.Combine(folder, "in.jsonl"), lines);
            (NorikvProcess server, IReadOnlyDictionary<string, string> ready) = await NorikvProcess.ServeAsync(
                "server", "--data-dir", Path.Combine(folder, "data"), "--rpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0");
            await using (server)
            {
                (int exit, string output, string error) = await NorikvProcess.RunAsync(
                    ready["rpc"], "import", Path.Combine(folder, "in.jsonl"), "--json");
                Assert.True(exit == 0, error);
                Assert.Contains("\"records\":20000", output);
                (exit, output, error) = await NorikvProcess.RunAsync(ready["rpc"], "export", "-", "--quiet");
                Assert.True(exit == 0, error);
                Assert.Equal(string.Join('\n', lines) + "\n", output);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (int Exit, string Output) Two((int Exit, string Output, string Error) result) =>
        (result.Exit, result.Output);
}
