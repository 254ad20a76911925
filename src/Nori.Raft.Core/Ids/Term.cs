namespace Nori.Raft.Core;

/// <summary>A Raft term, the group's logical clock (Raft §5.1); 0 before the first election.</summary>
/// <param name="Value">The number.</param>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    /// <summary>The term behind this one.</summary>
    public Term Next => new(Value + 1);

    /// <inheritdoc/>
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();

    /// <summary>Earlier.</summary>
    public static bool operator <(Term left, Term right) => left.Value < right.Value;

    /// <summary>Later.</summary>
    public static bool operator >(Term left, Term right) => left.Value > right.Value;

    /// <summary>Not later.</summary>
    public static bool operator <=(Term left, Term right) => left.Value <= right.Value;

    /// <summary>Not earlier.</summary>
    public static bool operator >=(Term left, Term right) => left.Value >= right.Value;
}
