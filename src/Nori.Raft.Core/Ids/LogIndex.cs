namespace Nori.Raft.Core;

/// <summary>A place in a group's log; the first entry is 1, 0 is the place before it.</summary>
/// <param name="Value">The number.</param>
public readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    /// <summary>The place behind this one.</summary>
    public LogIndex Next => new(Value + 1);

    /// <summary>The place before this one; 0 stays 0.</summary>
    public LogIndex Previous => new(Value == 0 ? 0 : Value - 1);

    /// <summary>The earlier of two places.</summary>
    public static LogIndex Min(LogIndex left, LogIndex right) => left < right ? left : right;

    /// <summary>The later of two places.</summary>
    public static LogIndex Max(LogIndex left, LogIndex right) => left > right ? left : right;

    /// <inheritdoc/>
    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();

    /// <summary>So many places further.</summary>
    public static LogIndex operator +(LogIndex left, ulong count) => new(left.Value + count);

    /// <summary>How many places between two; the left one is not before the right one.</summary>
    public static ulong operator -(LogIndex left, LogIndex right) => left.Value - right.Value;

    /// <summary>Earlier.</summary>
    public static bool operator <(LogIndex left, LogIndex right) => left.Value < right.Value;

    /// <summary>Later.</summary>
    public static bool operator >(LogIndex left, LogIndex right) => left.Value > right.Value;

    /// <summary>Not later.</summary>
    public static bool operator <=(LogIndex left, LogIndex right) => left.Value <= right.Value;

    /// <summary>Not earlier.</summary>
    public static bool operator >=(LogIndex left, LogIndex right) => left.Value >= right.Value;
}
