using System.Text.Json;
using Microsoft.AspNetCore.Http;
using NoriKV.Node;

namespace NoriKV.Transport.Http;

/// <summary>/health, /health/quick, /healthz and /readyz.</summary>
internal sealed class HealthEndpoint(INoriNode node)
{
    /// <summary>
    /// The whole verdict as JSON: 200 while healthy or degraded, else 503 with the same body.
    /// </summary>
    public Task FullAsync(HttpContext http)
    {
        NodeHealth health = node.Health;
        int status = health.Status == HealthStatus.Unhealthy ? 503 : 200;
        return HttpAnswers.WriteJsonAsync(http, status, json => Write(json, health));
    }

    /// <summary>One word.</summary>
    public Task QuickAsync(HttpContext http) => node.Health.Status == HealthStatus.Unhealthy
        ? HttpAnswers.WriteTextAsync(http, 503, "UNAVAILABLE")
        : HttpAnswers.WriteTextAsync(http, 200, "OK");

    /// <summary>Whether to send it requests; if not, why.</summary>
    public Task ReadyAsync(HttpContext http) => node.CannotServeReason is { } reason
        ? HttpAnswers.WriteTextAsync(http, 503, reason)
        : HttpAnswers.WriteTextAsync(http, 200, "OK");

    private static void Write(Utf8JsonWriter json, NodeHealth health)
    {
        int leaders = health.Shards.Count(static s => s.IsLeader);
        json.WriteStartObject();
        json.WriteString("status", Word(health.Status));
        json.WriteString("node_id", health.NodeId);
        json.WriteNumber("uptime_seconds", (long)health.Uptime.TotalSeconds);
        json.WriteNumber("total_shards", health.TotalShards);
        json.WriteNumber("active_shards", health.Shards.Count(static s => s.Status == HealthStatus.Healthy));
        json.WriteNumber("leader_shards", leaders);
        json.WriteNumber("follower_shards", health.Shards.Count - leaders);
        json.WriteStartArray("reasons");
        foreach (string reason in health.Reasons) json.WriteStringValue(reason);
        json.WriteEndArray();
        json.WriteStartArray("shards");
        foreach (ShardHealth shard in health.Shards)
        {
            json.WriteStartObject();
            json.WriteNumber("id", shard.Shard.Value);
            json.WriteString("status", Word(shard.Status));
            json.WriteBoolean("is_leader", shard.IsLeader);
            json.WriteNumber("raft_term", shard.RaftTerm.Value);
            json.WriteNumber("commit_index", shard.CommitIndex.Value);
            json.WriteNumber("last_applied", shard.LastApplied.Value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Word(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "healthy",
        HealthStatus.Degraded => "degraded",
        _ => "unhealthy",
    };
}
