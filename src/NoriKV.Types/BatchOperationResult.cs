namespace NoriKV.Types;

/// <summary>The outcome of one operation of a batch: an error, or the fields of its kind.</summary>
public readonly record struct BatchOperationResult
{
    /// <summary>What was asked for.</summary>
    public BatchOperationKind Kind { get; init; }

    /// <summary>Null when it was done.</summary>
    public KvError? Error { get; init; }

    /// <summary>The version written (put, delete) or read (get).</summary>
    public KvVersion Version { get; init; }

    /// <summary>The value of a get.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>For a delete: the key existed.</summary>
    public bool Tombstoned { get; init; }

    /// <summary>What the answer says about itself.</summary>
    public KvMeta? Meta { get; init; }
}
