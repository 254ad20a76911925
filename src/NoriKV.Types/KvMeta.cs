namespace NoriKV.Types;

/// <summary>What an answer says about itself; becomes the <c>meta</c> map on the wire.</summary>
public sealed record KvMeta
{
    /// <summary>Nothing to say.</summary>
    public static KvMeta None { get; } = new();

    /// <summary>The consistency that was served; null for writes.</summary>
    public Consistency? Consistency { get; init; }

    /// <summary>The id of the node that served it.</summary>
    public string? ServedBy { get; init; }

    /// <summary>At most this old, where it is known.</summary>
    public long? StalenessMs { get; init; }

    /// <summary>"os" where the answer did not wait for a sync.</summary>
    public string? Durability { get; init; }

    /// <summary>"true" for a repeated answer, "payload_differs" where the retry carried another payload.</summary>
    public string? IdempotentReplay { get; init; }

    /// <summary>For scans: "per_shard" where shards were read each at its own moment.</summary>
    public string? Snapshot { get; init; }
}
