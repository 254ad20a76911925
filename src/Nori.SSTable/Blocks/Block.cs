using System.Buffers.Binary;
using Nori.SSTable.Format;

namespace Nori.SSTable.Blocks;

/// <summary>
/// A sorted block in memory, checked by <see cref="BlockValidator"/> when it was made. Immutable and owned by
/// the garbage collector while it is shared; an iterator that keeps blocks to itself refills its own.
/// </summary>
internal sealed class Block
{
    public Block(byte[] bytes, BlockRole role, BlockLayout layout) => Reset(bytes, role, layout);

    public byte[] Bytes { get; private set; } = [];

    public BlockRole Role { get; private set; }

    /// <summary>Where the entries end and the restart offsets begin.</summary>
    public int EntriesLength { get; private set; }

    public int RestartCount { get; private set; }

    public int KeyLengthMax { get; private set; }

    /// <summary>The memory it takes, in bytes: array, object and cache entry.</summary>
    public int Charge => Bytes.Length + 160;

    public ReadOnlySpan<byte> Entries => Bytes.AsSpan(0, EntriesLength);

    public int RestartOffset(int index) =>
        (int)BinaryPrimitives.ReadUInt32LittleEndian(Bytes.AsSpan(EntriesLength + index * sizeof(uint)));

    internal void Reset(byte[] bytes, BlockRole role, BlockLayout layout)
    {
        Bytes = bytes;
        Role = role;
        EntriesLength = layout.EntriesLength;
        RestartCount = layout.RestartCount;
        KeyLengthMax = layout.KeyLengthMax;
    }
}
