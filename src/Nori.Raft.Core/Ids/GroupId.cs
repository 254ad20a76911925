namespace Nori.Raft.Core;

/// <summary>One consensus group; a replica drops messages of any other.</summary>
/// <param name="Value">Any number.</param>
public readonly record struct GroupId(ulong Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
