using System.Buffers;
using Nori.Compression;
using Nori.IO;
using Nori.SSTable.Format;

namespace Nori.SSTable.Blocks;

/// <summary>
/// Reads blocks of one file: checksum first, then decompression into the stated length, then validation.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class BlockLoader(IFile file, long fileLength, ulong tableId)
{
    /// <summary>
    /// The uncompressed payload in an array of its own (which may be longer), and its length.
    /// </summary>
    /// <param name="handle">Where it is.</param>
    /// <param name="role">What it must be.</param>
    /// <param name="expectCompressed">A hint: reads into a rented array first.</param>
    /// <param name="length">The payload's length.</param>
    public byte[] ReadPayload(BlockHandle handle, BlockRole role, bool expectCompressed, out int length)
    {
        int storedLength = CheckHandle(handle);
        if (!expectCompressed)
        {
            byte[] stored = NewArray(storedLength);
            CheckRead(handle, storedLength, file.Read(handle.Offset, stored));
            BlockTrailer trailer = BlockTrailer.Check(stored, role, tableId, handle.Offset, file.Path);
            length = trailer.UncompressedLength;
            if (trailer.Compression == CompressionType.None) return stored;
            byte[] plain = NewArray(length);
            Decompress(trailer, stored.AsSpan(0, handle.Length), plain, handle.Offset);
            return plain;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(storedLength);
        try
        {
            Span<byte> stored = rented.AsSpan(0, storedLength);
            CheckRead(handle, storedLength, file.Read(handle.Offset, stored));
            BlockTrailer trailer = BlockTrailer.Check(stored, role, tableId, handle.Offset, file.Path);
            length = trailer.UncompressedLength;
            byte[] plain = NewArray(length);
            Decompress(trailer, stored[..handle.Length], plain, handle.Offset);
            return plain;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>A sorted block in an array of its own, for one owner.</summary>
    public Block ReadBlock(BlockHandle handle, BlockRole role, bool expectCompressed)
    {
        byte[] bytes = ReadPayload(handle, role, expectCompressed, out int length);
        return new Block(bytes, role, Validate(bytes.AsSpan(0, length), role, handle.Offset));
    }

    /// <summary>A sorted block outside the collected heap, to be shared through a cache or released.</summary>
    public Block ReadShared(BlockHandle handle, BlockRole role, bool expectCompressed)
    {
        int storedLength = CheckHandle(handle);
        if (expectCompressed)
        {
            byte[] rented = ArrayPool<byte>.Shared.Rent(storedLength);
            try
            {
                Span<byte> stored = rented.AsSpan(0, storedLength);
                CheckRead(handle, storedLength, file.Read(handle.Offset, stored));
                return NewShared(stored, handle, role, BlockTrailer.Check(stored, role, tableId, handle.Offset, file.Path));
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }

        // Read where it stays, with its trailer.
        nint memory = BlockMemory.Allocate(storedLength);
        bool isKept = false;
        try
        {
            Span<byte> stored = BlockMemory.Span(memory, storedLength);
            CheckRead(handle, storedLength, file.Read(handle.Offset, stored));
            BlockTrailer trailer = BlockTrailer.Check(stored, role, tableId, handle.Offset, file.Path);
            if (trailer.Compression != CompressionType.None) return NewShared(stored, handle, role, trailer);
            BlockLayout layout = Validate(stored[..trailer.UncompressedLength], role, handle.Offset);
            isKept = true;
            return new Block(memory, storedLength, role, layout);
        }
        finally
        {
            if (!isKept) BlockMemory.Free(memory, storedLength);
        }
    }

    /// <summary>The same, read through an iterator's readahead window.</summary>
    public Block ReadShared(BlockHandle handle, BlockRole role, BlockBuffers buffers)
    {
        ReadOnlySpan<byte> stored = ReadStored(handle, role, buffers, out BlockTrailer trailer);
        return NewShared(stored, handle, role, trailer);
    }

    /// <summary>A sorted block in the buffers of one iterator, valid until the slot's next use.</summary>
    public Block ReadBlock(BlockHandle handle, BlockRole role, BlockBuffers buffers, BlockBuffers.Slot slot)
    {
        ReadOnlySpan<byte> stored = ReadStored(handle, role, buffers, out BlockTrailer trailer);
        byte[] bytes = slot.Reserve(trailer.UncompressedLength);
        Span<byte> plain = bytes.AsSpan(0, trailer.UncompressedLength);
        Decompress(trailer, stored[..handle.Length], plain, handle.Offset);
        return new Block(bytes, role, Validate(plain, role, handle.Offset));
    }

    private Block NewShared(ReadOnlySpan<byte> stored, BlockHandle handle, BlockRole role, BlockTrailer trailer)
    {
        int length = trailer.UncompressedLength;
        nint memory = BlockMemory.Allocate(length);
        bool isKept = false;
        try
        {
            Span<byte> plain = BlockMemory.Span(memory, length);
            Decompress(trailer, stored[..handle.Length], plain, handle.Offset);
            BlockLayout layout = Validate(plain, role, handle.Offset);
            isKept = true;
            return new Block(memory, length, role, layout);
        }
        finally
        {
            if (!isKept) BlockMemory.Free(memory, length);
        }
    }

    private ReadOnlySpan<byte> ReadStored(
        BlockHandle handle, BlockRole role, BlockBuffers buffers, out BlockTrailer trailer)
    {
        int length = CheckHandle(handle);
        ReadOnlySpan<byte> stored = role == BlockRole.Data
            ? buffers.ReadAhead(file, handle.Offset, length, fileLength - TableFormat.FooterBytes)
            : buffers.Read(file, handle.Offset, length);
        CheckRead(handle, length, stored.Length);
        trailer = BlockTrailer.Check(stored, role, tableId, handle.Offset, file.Path);
        return stored;
    }

    /// <summary>What the block's trailer says, checked.</summary>
    public BlockTrailer ReadTrailer(BlockHandle handle, BlockRole role)
    {
        byte[] stored = new byte[CheckHandle(handle)];
        CheckRead(handle, stored.Length, file.Read(handle.Offset, stored));
        return BlockTrailer.Check(stored, role, tableId, handle.Offset, file.Path);
    }

    /// <summary>The layout of a sound block, else a CorruptionException that says what is wrong.</summary>
    public BlockLayout Validate(ReadOnlySpan<byte> block, BlockRole role, long offset)
    {
        // A block lists only blocks that lie before it.
        string? problem = BlockValidator.Validate(block, role, handleEnd: offset, out BlockLayout layout);
        if (problem is not null)
            throw new CorruptionException(file.Path, offset, $"a sound {role} block", problem);
        return layout;
    }

    // Not cleared: what is handed on was read or decompressed to its end, or an exception is thrown instead.
    private static byte[] NewArray(int length) => GC.AllocateUninitializedArray<byte>(length);

    private int CheckHandle(BlockHandle handle)
    {
        if (handle.End <= fileLength - TableFormat.FooterBytes)
            return handle.Length + TableFormat.TrailerBytes;
        throw new CorruptionException(
            file.Path, handle.Offset, $"a block within {fileLength} bytes", $"one that ends at {handle.End}");
    }

    private void CheckRead(BlockHandle handle, int wanted, int read)
    {
        if (read == wanted) return;
        throw new CorruptionException(
            file.Path, handle.Offset, $"a block of {wanted} bytes", $"{read} bytes, then the end");
    }

    private void Decompress(BlockTrailer trailer, ReadOnlySpan<byte> payload, Span<byte> target, long offset)
    {
        if (BlockCodecs.Get(trailer.Compression).TryDecompress(payload, target)) return;
        throw new CorruptionException(
            file.Path, offset, $"{trailer.Compression} data of {target.Length} bytes",
            "something that does not decompress to it");
    }
}
