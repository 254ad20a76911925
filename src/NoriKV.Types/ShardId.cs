namespace NoriKV.Types;

/// <summary>A shard: 0 to total_shards - 1.</summary>
/// <param name="Value">The number.</param>
public readonly record struct ShardId(uint Value) : IComparable<ShardId>
{
    /// <inheritdoc/>
    public int CompareTo(ShardId other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
