namespace NoriKV.Types;

/// <summary>One arrival of a replica of a shard on a node: allocated once, never reused. 0 is none.</summary>
/// <param name="Value">The number.</param>
public readonly record struct ReplicaId(ulong Value) : IComparable<ReplicaId>
{
    /// <inheritdoc/>
    public int CompareTo(ReplicaId other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
