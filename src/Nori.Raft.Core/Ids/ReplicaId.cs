namespace Nori.Raft.Core;

/// <summary>
/// One arrival of a replica of a group: given once, never reused, also not by the same machine with a fresh
/// disk. 0 is none.
/// </summary>
/// <param name="Value">The number; 0 is nobody.</param>
public readonly record struct ReplicaId(ulong Value) : IComparable<ReplicaId>
{
    /// <summary>Nobody.</summary>
    public static ReplicaId None => default;

    /// <summary>True for nobody.</summary>
    public bool IsNone => Value == 0;

    /// <inheritdoc/>
    public int CompareTo(ReplicaId other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
