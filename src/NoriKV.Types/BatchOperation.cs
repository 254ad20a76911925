namespace NoriKV.Types;

/// <summary>One operation of a batch. A batch names each key at most once.</summary>
public sealed record BatchOperation
{
    private BatchOperation()
    {
    }

    /// <summary>What it does.</summary>
    public BatchOperationKind Kind { get; private init; }

    /// <summary>The key.</summary>
    public ReadOnlyMemory<byte> Key { get; private init; }

    /// <summary>The value of a put.</summary>
    public ReadOnlyMemory<byte> Value { get; private init; }

    /// <summary>Time to live of a put.</summary>
    public TimeSpan? Ttl { get; private init; }

    /// <summary>Only if the key has this version.</summary>
    public KvVersion? IfMatch { get; private init; }

    /// <summary>Only if the key does not exist (put).</summary>
    public bool IfNotExists { get; private init; }

    /// <summary>How fresh a get must be.</summary>
    public ReadOptions Read { get; private init; } = ReadOptions.Default;

    /// <summary>Write a pair.</summary>
    public static BatchOperation Put(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        TimeSpan? ttl = null,
        KvVersion? ifMatch = null,
        bool ifNotExists = false) => new()
        {
            Kind = BatchOperationKind.Put,
            Key = key,
            Value = value,
            Ttl = ttl,
            IfMatch = ifMatch,
            IfNotExists = ifNotExists,
        };

    /// <summary>Remove a key.</summary>
    public static BatchOperation Delete(ReadOnlyMemory<byte> key, KvVersion? ifMatch = null) =>
        new() { Kind = BatchOperationKind.Delete, Key = key, IfMatch = ifMatch };

    /// <summary>Read a key.</summary>
    public static BatchOperation Get(ReadOnlyMemory<byte> key, ReadOptions? read = null) =>
        new() { Kind = BatchOperationKind.Get, Key = key, Read = read ?? ReadOptions.Default };
}
