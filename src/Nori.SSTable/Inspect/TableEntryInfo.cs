namespace Nori.SSTable;

/// <summary>One point entry as <see cref="TableInspector.ReadEntries"/> found it.</summary>
/// <param name="BlockOffset">Where its block begins in the file, in bytes.</param>
/// <param name="Key">The user key, a copy.</param>
/// <param name="Sequence">The sequence number.</param>
/// <param name="Kind">What the entry says.</param>
/// <param name="Value">The value, a copy.</param>
public sealed record TableEntryInfo(
    long BlockOffset, ReadOnlyMemory<byte> Key, ulong Sequence, EntryKind Kind, ReadOnlyMemory<byte> Value);
