namespace NoriKV.Types;

/// <summary>A Raft term; 0 before the first election.</summary>
/// <param name="Value">The number.</param>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    /// <inheritdoc/>
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
