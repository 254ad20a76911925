using System.Text.Json;

namespace NoriKV.Acceptance;

/// <summary>Real processes that know each other as seeds: one is killed, one is stopped, and the others say so.</summary>
[Trait("Category", "Slow")]
public sealed class MembershipTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_killed_server_is_reported_by_the_others_comes_back_and_leaves()
    {
        string folder = Directory.CreateTempSubdirectory("norikv-members-").FullName;
        int[] ports = [FreePort.Next(), FreePort.Next(), FreePort.Next()];
        NorikvProcess[] servers = new NorikvProcess[3];
        string[] http = new string[3];
        try
        {
            for (int i = 0; i < 3; i++) await StartAsync(i);
            for (int i = 0; i < 3; i++) await UntilAsync(i, "n1", "n2", "n3");

            await servers[2].KillAsync();
            foreach (int other in (int[])[0, 1]) await UntilAsync(other, "n1", "n2", "n3 unknown");
            await StartAsync(2);
            for (int i = 0; i < 3; i++) await UntilAsync(i, "n1", "n2", "n3");

            Assert.Equal(0, await servers[1].TerminateAsync());
            foreach (int other in (int[])[0, 2]) await UntilAsync(other, "n1", "n3");
        }
        finally
        {
            foreach (NorikvProcess? server in servers)
            {
                if (server is not null) await server.DisposeAsync();
            }

            Directory.Delete(folder, recursive: true);
        }

        Task UntilAsync(int i, params string[] nodes) => ListsAsync(http[i], () => servers[i].Output, nodes);

        async Task StartAsync(int i)
        {
            if (servers[i] is { } former) await former.DisposeAsync();
            string file = Path.Combine(folder, $"n{i + 1}.yaml"), data = Path.Combine(folder, $"n{i + 1}");
            if (!Directory.Exists(data)) await FoundAsync($"n{i + 1}", data);
            await File.WriteAllTextAsync(file, $"""
                node_id: n{i + 1}
                rpc_addr: 127.0.0.1:{ports[i]}
                http_addr: 127.0.0.1:0
                data_dir: {Path.Combine(folder, $"n{i + 1}")}
                cluster:
                  seed_nodes: [localhost:{ports[0]}, localhost:{ports[1]}]
                  total_shards: 16
                  peer_secret: a-secret-of-the-tests
                """);
            (servers[i], IReadOnlyDictionary<string, string> ready) = await NorikvProcess.ServeAsync("server", file);
            http[i] = ready["http"];
        }
    }

    // Founded alone it stores what is its own: it joins membership and no cluster. It is registered under an address that it
    // has not later, which makes it keep a record of a cluster of its own.
    private static async Task FoundAsync(string name, string data)
    {
        (NorikvProcess alone, _) = await NorikvProcess.ServeAsync(
            "server", "--node-id", name, "--data-dir", data, "--rpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0",
            "--total-shards", "16");
        using var limit = new CancellationTokenSource(Patience);
        while (!File.Exists(Path.Combine(data, "registry"))) await Task.Delay(50, limit.Token);
        await alone.TerminateAsync();
        await alone.DisposeAsync();
    }

    /// <summary>Waits until the server lists these nodes: alive ones by id alone, dead ones as unknown.</summary>
    private static async Task ListsAsync(string http, Func<string> output, string[] nodes)
    {
        using HttpClient client = new();
        using CancellationTokenSource patience = new(Patience);
        string[] found = [];
        try
        {
            while (!found.SequenceEqual(nodes))
            {
                await Task.Delay(50, patience.Token);
                string view = await client.GetStringAsync(new Uri($"http://{http}/meta/cluster"), patience.Token);
                using JsonDocument json = JsonDocument.Parse(view);
                found = [.. json.RootElement.GetProperty("nodes").EnumerateArray().Select(static n =>
                    n.GetProperty("id").GetString() + (n.GetProperty("role").GetString() == "unknown" ? " unknown" : "")).Order()];
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{http} lists {string.Join(", ", found)} after {Patience}, not {string.Join(", ", nodes)}. It said:\n{output()}");
        }
    }
}
