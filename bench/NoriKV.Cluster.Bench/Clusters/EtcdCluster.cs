using System.Text.Json.Nodes;

namespace NoriKV.Cluster.Bench.Clusters;

/// <summary>etcd as Debian has it, with its own defaults.</summary>
internal sealed class EtcdCluster : PeerCluster
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });
    private readonly string[] _clients;

    private EtcdCluster(int[] ports) => _clients = [.. ports.Select(static port => $"127.0.0.1:{port}")];

    public override string Name => "etcd";

    public override (string Put, string Get) Methods => ("/etcdserverpb.KV/Put", "/etcdserverpb.KV/Range");

    public static async Task<EtcdCluster> StartAsync(string directory, CancellationToken cancellationToken)
    {
        int[] ports = Ports.Free(6);
        var cluster = new EtcdCluster(ports[..3]);
        string members = string.Join(',', Enumerable.Range(0, 3).Select(i => $"e{i}=http://127.0.0.1:{ports[3 + i]}"));
        for (int i = 0; i < 3; i++)
        {
            string client = $"http://127.0.0.1:{ports[i]}", peer = $"http://127.0.0.1:{ports[3 + i]}";
            cluster.Nodes.Add(Child.Start(
            [
                "etcd", "--name", $"e{i}", "--data-dir", Path.Combine(directory, $"e{i}"), "--log-level", "error",
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", members, "--initial-cluster-state", "new",
            ]));
        }

        try
        {
            await UntilAsync(
                async () => await cluster.TryLeaderAsync(cancellationToken) is not null, "etcd has a leader", cancellationToken);
            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    public override async Task<string> LeaderAsync(CancellationToken cancellationToken) =>
        await TryLeaderAsync(cancellationToken) ?? throw new InvalidOperationException("etcd has no leader");

    public override async Task<long> WritesAsync(CancellationToken cancellationToken) =>
        long.Parse((string)(await StatusAsync(await LeaderAsync(cancellationToken), cancellationToken))["header"]!["revision"]!,
            System.Globalization.CultureInfo.InvariantCulture);

    private async Task<string?> TryLeaderAsync(CancellationToken cancellationToken)
    {
        foreach (string client in _clients)
        {
            try
            {
                JsonNode status = await StatusAsync(client, cancellationToken);
                if ((string?)status["leader"] is { } leader && leader == (string?)status["header"]!["member_id"]) return client;
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
        }

        return null;
    }

    private static async Task<JsonNode> StatusAsync(string client, CancellationToken cancellationToken)
    {
        using var body = new StringContent("{}");
        using HttpResponseMessage answer = await Http.PostAsync(
            new Uri($"http://{client}/v3/maintenance/status"), body, cancellationToken);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync(cancellationToken))!;
    }
}
