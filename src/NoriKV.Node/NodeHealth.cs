namespace NoriKV.Node;

/// <summary>A node's health as /health prints it.</summary>
public sealed record NodeHealth
{
    /// <summary>The verdict.</summary>
    public required HealthStatus Status { get; init; }

    /// <summary>Why it is not healthy; empty when it is.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>This node's id.</summary>
    public required string NodeId { get; init; }

    /// <summary>Since the process began to serve.</summary>
    public required TimeSpan Uptime { get; init; }

    /// <summary>Shards of the cluster.</summary>
    public required int TotalShards { get; init; }

    /// <summary>One for each replica on this node, sorted by shard.</summary>
    public required IReadOnlyList<ShardHealth> Shards { get; init; }
}
