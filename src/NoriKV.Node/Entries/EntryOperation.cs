using NoriKV.Types;

namespace NoriKV.Node.Entries;

/// <summary>One operation of an entry; slices of the entry's bytes.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Key">On which key.</param>
/// <param name="Value">The value of a put.</param>
/// <param name="TtlMs">Time to live in milliseconds, from the entry's stamp; 0 none.</param>
/// <param name="IfMatch">The version the key must have; null where it need not.</param>
/// <param name="IfNotExists">The key must not exist.</param>
public readonly record struct EntryOperation(
    OperationKind Kind,
    ReadOnlyMemory<byte> Key,
    ReadOnlyMemory<byte> Value,
    ulong TtlMs,
    KvVersion? IfMatch,
    bool IfNotExists)
{
    /// <summary>True when it may be refused by what the key holds.</summary>
    public bool IsConditional => IfMatch is not null || IfNotExists;
}
