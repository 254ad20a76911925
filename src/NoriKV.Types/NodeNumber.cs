namespace NoriKV.Types;

/// <summary>
/// The number that the meta group gives a node for logs, Raft and peer streams; never reused. 0 is none.
/// </summary>
/// <param name="Value">The number.</param>
public readonly record struct NodeNumber(ulong Value) : IComparable<NodeNumber>
{
    /// <inheritdoc/>
    public int CompareTo(NodeNumber other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
