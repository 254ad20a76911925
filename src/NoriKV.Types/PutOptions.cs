namespace NoriKV.Types;

/// <summary>What a put may ask for beside the pair.</summary>
public sealed record PutOptions
{
    /// <summary>Time to live; null for none. Whole milliseconds, at least one.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>Put only if the key has this version.</summary>
    public KvVersion? IfMatch { get; init; }

    /// <summary>Put only if the key does not exist.</summary>
    public bool IfNotExists { get; init; }

    /// <summary>
    /// Makes repeats of this put return the first outcome. Clients generate one for their own retries.
    /// </summary>
    public string? IdempotencyKey { get; init; }
}
