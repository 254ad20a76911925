namespace Nori.Wal;

/// <summary>
/// A place in the log: a segment and a byte offset in its file. Positions of one log only ever rise.
/// </summary>
/// <param name="Segment">The segment's number; the first is 1, 0 is before everything.</param>
/// <param name="Offset">Bytes from the start of the segment's file.</param>
public readonly record struct WalPosition(ulong Segment, uint Offset) : IComparable<WalPosition>
{
    /// <summary>Before everything: reading from here reads all that is kept.</summary>
    public static WalPosition Start => default;

    /// <inheritdoc/>
    public int CompareTo(WalPosition other) =>
        Segment != other.Segment ? Segment.CompareTo(other.Segment) : Offset.CompareTo(other.Offset);

    /// <summary>True when <paramref name="left"/> lies before <paramref name="right"/>.</summary>
    public static bool operator <(WalPosition left, WalPosition right) => left.CompareTo(right) < 0;

    /// <summary>True when <paramref name="left"/> lies behind <paramref name="right"/>.</summary>
    public static bool operator >(WalPosition left, WalPosition right) => left.CompareTo(right) > 0;

    /// <summary>True when <paramref name="left"/> lies before or at <paramref name="right"/>.</summary>
    public static bool operator <=(WalPosition left, WalPosition right) => left.CompareTo(right) <= 0;

    /// <summary>True when <paramref name="left"/> lies behind or at <paramref name="right"/>.</summary>
    public static bool operator >=(WalPosition left, WalPosition right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    public override string ToString() => $"{Segment}:{Offset}";
}
