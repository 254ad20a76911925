namespace Nori.SSTable;

/// <summary>
/// What <see cref="TableReader.Get(ReadOnlySpan{byte}, ulong)"/> found: the newest visible entry of a key, or
/// none.
/// </summary>
/// <param name="Found">
/// False: the table has no entry of the key at or below the sequence number asked for.
/// </param>
/// <param name="Sequence">The entry's sequence number.</param>
/// <param name="Kind">What the entry says; a <see cref="EntryKind.Delete"/> is found, too.</param>
/// <param name="Value">The entry's value, copied.</param>
public readonly record struct TableLookup(
    bool Found, ulong Sequence, EntryKind Kind, ReadOnlyMemory<byte> Value)
{
    /// <summary>No entry.</summary>
    public static TableLookup None => default;
}
