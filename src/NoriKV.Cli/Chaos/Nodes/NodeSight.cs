using System.Text.Json;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>What a node says of a replica.</summary>
internal readonly record struct ReplicaState(bool IsLeader, long Term, long Commit, long Applied);

/// <summary>What a node says of itself, on its HTTP port, which no fault of the network reaches.</summary>
/// <param name="IsReady">Whether it says that it serves.</param>
/// <param name="Replicas">By shard.</param>
internal sealed record NodeSight(bool IsReady, IReadOnlyDictionary<int, ReplicaState> Replicas)
{
    /// <summary>The shards it leads.</summary>
    public IEnumerable<int> Led => Replicas.Where(static r => r.Value.IsLeader).Select(static r => r.Key);

    /// <summary>Asks; null when it does not answer.</summary>
    public static async Task<NodeSight?> AskAsync(HttpClient http, int port, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage ready = await http.GetAsync($"http://127.0.0.1:{port}/readyz", cancellationToken)
                .ConfigureAwait(false);
            string text = await http.GetStringAsync($"http://127.0.0.1:{port}/health", cancellationToken).ConfigureAwait(false);
            using JsonDocument health = JsonDocument.Parse(text);
            return new NodeSight(ready.IsSuccessStatusCode, health.RootElement.GetProperty("shards").EnumerateArray().ToDictionary(
                static s => s.GetProperty("id").GetInt32(),
                static s => new ReplicaState(
                    s.GetProperty("is_leader").GetBoolean(),
                    s.GetProperty("raft_term").GetInt64(),
                    s.GetProperty("commit_index").GetInt64(),
                    s.GetProperty("last_applied").GetInt64())));
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
    }
}
