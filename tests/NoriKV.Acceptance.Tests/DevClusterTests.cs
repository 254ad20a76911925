using System.Diagnostics;

namespace NoriKV.Acceptance;

/// <summary>
/// <c>dev --nodes 3</c>: three real processes. One is killed and the others serve; it comes back by the command that was printed;
/// none outlives dev.
/// </summary>
[Trait("Category", "Slow")]
public sealed class DevClusterTests
{
    private const int NotThere = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Three_processes_serve_on_when_one_is_killed_take_it_back_and_end_with_dev()
    {
        string folder = Directory.CreateTempSubdirectory("norikv-dev3-").FullName;
        NorikvProcess? dev = null, again = null;
        List<Dictionary<string, string>> nodes = [];
        try
        {
            (dev, nodes) = await StartAsync(folder);
            string all = string.Join(',', nodes.Select(static n => n["rpc"]));
            await PutAsync(all, "before", "1");

            Kill(nodes[1]["pid"], "-KILL");
            string others = $"{nodes[0]["rpc"]},{nodes[2]["rpc"]}";
            for (int i = 0; i < 8; i++) await PutAsync(others, $"while-{i}", $"{i}");
            string[] args = await RestartLineAsync(dev, "n2");
            (again, IReadOnlyDictionary<string, string> ready) = await NorikvProcess.ServeAsync(args);
            Assert.Equal(nodes[1]["rpc"], ready["rpc"]);
            for (int i = 0; i < 8; i++) await GetAsync(ready["rpc"], $"while-{i}", $"{i}");
            await GetAsync(ready["rpc"], "before", "1");

            Assert.Equal(0, await dev.TerminateAsync());
            Assert.All([nodes[0], nodes[2]], static n => Assert.False(Directory.Exists($"/proc/{n["pid"]}"), $"{n["node"]} outlives dev"));
        }
        finally
        {
            if (dev is not null) await dev.DisposeAsync();
            if (again is not null) await again.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Killing_dev_ends_its_nodes()
    {
        string folder = Directory.CreateTempSubdirectory("norikv-dev3-").FullName;
        (NorikvProcess dev, List<Dictionary<string, string>> nodes) = await StartAsync(folder);
        await dev.DisposeAsync();
        await UntilAsync(() => nodes.TrueForAll(static n => !Directory.Exists($"/proc/{n["pid"]}")));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Temporary_data_goes_when_dev_is_asked_to_end()
    {
        (NorikvProcess dev, List<Dictionary<string, string>> nodes) = await StartAsync(null);
        await using NorikvProcess ended = dev;
        Kill(nodes[1]["pid"], "-KILL");
        string folder = FolderOf(await RestartLineAsync(dev, "n2"));
        Assert.True(Directory.Exists(folder));
        Assert.Equal(0, await dev.TerminateAsync());
        Assert.False(Directory.Exists(folder));
    }

    [Theory]
    [InlineData(true, "n2 was started again and still runs")]
    [InlineData(false, "All nodes ended and nobody asked them to")]
    public async Task Temporary_data_stays_while_a_node_has_it_and_when_nobody_asked_for_an_end(bool isAsked, string why)
    {
        (NorikvProcess dev, List<Dictionary<string, string>> nodes) = await StartAsync(null);
        await using NorikvProcess ended = dev;
        Kill(nodes[1]["pid"], "-KILL");
        string[] args = await RestartLineAsync(dev, "n2");
        string folder = FolderOf(args);
        (NorikvProcess again, _) = await NorikvProcess.ServeAsync(args);
        await using (again)
        {
            if (isAsked) await dev.TerminateAsync();
            else Array.ForEach([nodes[0]["pid"], nodes[2]["pid"]], static pid => Kill(pid, "-KILL"));
            await UntilAsync(() => dev.Error.Contains($"{why}: the data stays in {folder};", StringComparison.Ordinal));
            Assert.All(["n1", "n2", "n3"], name => Assert.True(Directory.Exists(Path.Combine(folder, name)), name));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static string FolderOf(string[] args) => Path.GetDirectoryName(args[Array.IndexOf(args, "--data-dir") + 1])!;

    // The command that dev prints for a node that ended.
    private static async Task<string[]> RestartLineAsync(NorikvProcess dev, string name)
    {
        await UntilAsync(() => dev.Error.Contains($"server --node-id {name} ", StringComparison.Ordinal));
        string command = dev.Error.Split('\n').First(l => l.Contains($"server --node-id {name} ", StringComparison.Ordinal));
        return command[command.IndexOf("server ", StringComparison.Ordinal)..].Trim().Split(' ');
    }

    private static async Task<(NorikvProcess Dev, List<Dictionary<string, string>> Nodes)> StartAsync(string? folder)
    {
        (NorikvProcess dev, IReadOnlyDictionary<string, string> _) = await NorikvProcess.ServeAsync([
            "dev", "--nodes", "3", "--rpc-addr", $"127.0.0.1:{FreePort.Next()}", "--http-addr", $"127.0.0.1:{FreePort.Next()}",
            "--total-shards", "16",
            .. folder is null ? (string[])[] : ["--data-dir", folder]]);
        List<Dictionary<string, string>> nodes = [];
        await UntilAsync(() =>
        {
            nodes = [.. dev.Output.Split('\n').Where(static l => l.StartsWith("ready ", StringComparison.Ordinal)).Select(
                static l => l.Trim().Split(' ').Skip(1).Select(static p => p.Split('=', 2))
                    .ToDictionary(static p => p[0], static p => p[1]))];
            return nodes.Count == 3;
        });
        Assert.Equal(["n1", "n2", "n3"], nodes.Select(static n => n["node"]));
        return (dev, nodes);
    }

    private static async Task PutAsync(string address, string key, string value)
    {
        using var late = new CancellationTokenSource(Patience);
        (int exit, string _, string error) = await NorikvProcess.RunAsync(address, "put", key, value);
        while (exit != 0)
        {
            Assert.False(late.IsCancellationRequested, $"put at {address}: {error}");
            (exit, _, error) = await NorikvProcess.RunAsync(address, "put", key, value);
        }
    }

    private static async Task GetAsync(string address, string key, string value)
    {
        using var late = new CancellationTokenSource(Patience);
        (int exit, string output, string error) = await NorikvProcess.RunAsync(address, "get", key);
        while (exit is not (0 or NotThere))
        {
            Assert.False(late.IsCancellationRequested, $"get at {address}: {error}");
            (exit, output, error) = await NorikvProcess.RunAsync(address, "get", key);
        }

        Assert.True(exit == 0, $"{key} is not there: {error}");
        Assert.Equal(value, output.Trim());
    }

    private static void Kill(string pid, string signal)
    {
        using Process kill = Process.Start("kill", [signal, pid]);
        kill.WaitForExit();
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var late = new CancellationTokenSource(Patience);
        while (!holds()) await Task.Delay(20, late.Token);
    }
}
