using System.Buffers.Binary;
using Nori.Core;
using Nori.SSTable.Cache;
using Nori.SSTable.Format;

namespace Nori.SSTable.Blocks;

/// <summary>
/// A sorted block in memory, checked by <see cref="BlockValidator"/> when it was made. Its contents lie in an array
/// that somebody keeps, or in memory outside the collected heap, alone or shared through a cache
/// (docs/decisions/0205-cached-blocks-outside-the-heap.md).
/// </summary>
/// <remarks>
/// One owner: of all copies of a block from <see cref="BlockLoader"/> or a cache exactly one is released, and nothing
/// of <see cref="Bytes"/> may be touched behind that.
/// </remarks>
internal readonly struct Block
{
    private readonly byte[]? _array;
    private readonly nint _memory;
    private readonly CacheShard? _shard;
    private readonly int _slot;

    /// <summary>A block in an array; releasing it does nothing.</summary>
    public Block(byte[] bytes, BlockRole role, BlockLayout layout)
        : this(bytes.Length, role, layout) => _array = bytes;

    /// <summary>A block in <see cref="BlockMemory"/> that nobody shares: it is freed with its release.</summary>
    public Block(nint memory, int length, BlockRole role, BlockLayout layout)
        : this(length, role, layout) => _memory = memory;

    /// <summary>A block in a cache's slot that was pinned for this.</summary>
    public Block(CacheShard shard, int number, in CacheSlot slot)
    {
        (_memory, _shard, _slot) = (slot.Memory, shard, number);
        (Length, Role) = (slot.Length, slot.Role);
        (EntriesLength, RestartCount, KeyLengthMax) = (slot.EntriesLength, slot.RestartCount, slot.KeyLengthMax);
    }

    private Block(int length, BlockRole role, BlockLayout layout)
    {
        (Length, Role) = (length, role);
        (EntriesLength, RestartCount, KeyLengthMax) = (layout.EntriesLength, layout.RestartCount, layout.KeyLengthMax);
    }

    /// <summary>True of the default: no block.</summary>
    public bool IsNone => _array is null && _memory == 0;

    /// <summary>All of it, and what the disk has behind it where that was read in one piece.</summary>
    public ReadOnlySpan<byte> Bytes => _memory != 0 ? BlockMemory.Span(_memory, Length) : _array;

    public int Length { get; }

    public BlockRole Role { get; }

    /// <summary>Where the entries end and the restart offsets begin.</summary>
    public int EntriesLength { get; }

    public int RestartCount { get; }

    public int KeyLengthMax { get; }

    public ReadOnlySpan<byte> Entries => Bytes[..EntriesLength];

    public int RestartOffset(int index) =>
        (int)BinaryPrimitives.ReadUInt32LittleEndian(Bytes[(EntriesLength + index * sizeof(uint))..]);

    /// <summary>The owner is done with it.</summary>
    public void Release()
    {
        if (_shard is not null) _shard.Unpin(_slot);
        else if (_memory != 0) BlockMemory.Free(_memory, Length);
    }

    /// <summary>Hands memory that nobody shares over to a cache.</summary>
    internal nint TakeMemory()
    {
        Invariant.Assert(_memory != 0 && _shard is null);
        return _memory;
    }
}
