namespace NoriKV.Types;

/// <summary>What a delete may ask for.</summary>
public sealed record DeleteOptions
{
    /// <summary>Delete only if the key has this version.</summary>
    public KvVersion? IfMatch { get; init; }

    /// <summary>Makes repeats of this delete return the first outcome.</summary>
    public string? IdempotencyKey { get; init; }
}
