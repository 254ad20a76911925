namespace NoriKV.Types;

/// <summary>What a batch may ask for.</summary>
public sealed record BatchOptions
{
    /// <summary>Refuse unless all keys lie in one shard, where a batch is atomic.</summary>
    public bool RequireAtomic { get; init; }

    /// <summary>Makes repeats of this batch return the first outcomes.</summary>
    public string? IdempotencyKey { get; init; }
}
