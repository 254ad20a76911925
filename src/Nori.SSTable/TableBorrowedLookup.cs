using Nori.SSTable.Blocks;

namespace Nori.SSTable;

/// <summary>
/// What <see cref="TableReader.Borrow(ReadOnlySpan{byte}, ulong)"/> found, the value where the cache has it, not copied. Dispose it, and
/// soon: until then its block stays in memory.
/// </summary>
/// <remarks>One owner: do not dispose copies of it.</remarks>
public ref struct TableBorrowedLookup
{
    private readonly EntryHeader _entry;
    private Block _block;

    internal TableBorrowedLookup(scoped in Block block, scoped in EntryHeader entry)
    {
        _block = block;
        _entry = entry;
    }

    /// <summary>
    /// False: the table has no entry of the key at or below the sequence number asked for, or this was disposed.
    /// </summary>
    public readonly bool Found => !_block.IsNone;

    /// <summary>True when there is no entry, as the table's filter knew without a block being read.</summary>
    public bool IsFiltered { get; private init; }

    internal static TableBorrowedLookup Filtered => new() { IsFiltered = true };

    /// <summary>The entry's sequence number.</summary>
    public readonly ulong Sequence => _entry.Trailer >> 8;

    /// <summary>What the entry says; a <see cref="EntryKind.Delete"/> is found, too.</summary>
    public readonly EntryKind Kind => (EntryKind)(byte)_entry.Trailer;

    /// <summary>The entry's value, valid until <see cref="Dispose"/>; empty when nothing was found.</summary>
    public readonly ReadOnlySpan<byte> Value =>
        _block.IsNone ? default : _block.Bytes.Slice(_entry.ValueOffset, _entry.ValueLength);

    /// <summary>Gives it back; idempotent.</summary>
    public void Dispose()
    {
        Block block = _block;
        _block = default;
        block.Release();
    }
}
