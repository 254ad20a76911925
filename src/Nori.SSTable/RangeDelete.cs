namespace Nori.SSTable;

/// <summary>
/// Keys from <paramref name="Start"/> up to but not including <paramref name="End"/> were deleted.
/// </summary>
/// <param name="Start">The first deleted key.</param>
/// <param name="End">The first key behind the range.</param>
/// <param name="Sequence">Entries with a smaller sequence number are deleted.</param>
public readonly record struct RangeDelete(
    ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End, ulong Sequence);
