namespace NoriKV.Types;

/// <summary>The sizes that a request may have. All configurable; all answered by a clear error.</summary>
public sealed record KvLimits
{
    /// <summary>The defaults.</summary>
    public static KvLimits Default { get; } = new();

    /// <summary>Longest key in bytes. <value>1,024</value></summary>
    public int KeyBytesMax { get; init; } = 1024;

    /// <summary>Longest value in bytes. <value>1 MiB</value></summary>
    public int ValueBytesMax { get; init; } = 1 << 20;

    /// <summary>Largest request in bytes. <value>2 MiB</value></summary>
    public int RequestBytesMax { get; init; } = 2 << 20;

    /// <summary>Most operations in one batch. <value>10,000</value></summary>
    public int BatchOperationsMax { get; init; } = 10_000;

    /// <summary>
    /// Most bytes of values that the gets of one batch answer together; those beyond are RESOURCE_EXHAUSTED, each for itself.
    /// <value>4 MiB: what other gRPC clients take in one message</value>
    /// </summary>
    public int BatchAnswerBytesMax { get; init; } = 4 << 20;

    /// <summary>
    /// Most gets in a batch that also writes: they are read where the entry is applied. <value>64</value>
    /// </summary>
    public int BatchMixedGetsMax { get; init; } = 64;

    /// <summary>Longest idempotency key in bytes of UTF-8. <value>256</value></summary>
    public int IdempotencyKeyBytesMax { get; init; } = 256;
}
