namespace NoriKV.Types;

/// <summary>A place in a shard's log; the first entry is 1.</summary>
/// <param name="Value">The number.</param>
public readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    /// <summary>The place behind this one.</summary>
    public LogIndex Next => new(Value + 1);

    /// <inheritdoc/>
    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
