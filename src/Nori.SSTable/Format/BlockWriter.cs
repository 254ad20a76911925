using System.Buffers;
using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.SSTable.Format;

/// <summary>Writes blocks one behind the other through a buffer.</summary>
internal sealed class BlockWriter(IFile file, CompressionType compression, ulong tableId, int bufferBytes)
{
    private readonly IBlockCodec _codec = BlockCodecs.Get(compression);
    private byte[] _buffer = new byte[bufferBytes];
    private int _buffered;
    private long _flushed;

    /// <summary>Where the next byte goes.</summary>
    public long Offset => _flushed + _buffered;

    /// <summary>Writes payload and trailer.</summary>
    public BlockHandle Write(BlockRole role, ReadOnlySpan<byte> plain, bool compress)
    {
        Invariant.Assert(plain.Length <= TableFormat.BlockBytesMax);
        long offset = Offset;
        bool tryCompression = compress && compression != CompressionType.None && plain.Length > 0
            && plain.Length <= TableFormat.UncompressedBytesMax;
        if (tryCompression)
        {
            int bound = _codec.MaxCompressedLength(plain.Length);
            Span<byte> target = Reserve(bound + TableFormat.TrailerBytes);
            int length = _codec.Compress(plain, target[..bound]);
            // Less than an eighth saved is not worth decompressing on every read.
            if (length < plain.Length - plain.Length / 8)
                return Finish(role, compression, target, length, plain.Length, offset);
        }

        Span<byte> raw = Reserve(plain.Length + TableFormat.TrailerBytes);
        plain.CopyTo(raw);
        return Finish(role, CompressionType.None, raw, plain.Length, plain.Length, offset);
    }

    public void WriteRaw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        _buffered += bytes.Length;
    }

    public void Flush()
    {
        if (_buffered == 0) return;
        file.Write(_flushed, _buffer.AsSpan(0, _buffered));
        _flushed += _buffered;
        _buffered = 0;
    }

    private BlockHandle Finish(
        BlockRole role, CompressionType type, Span<byte> target, int length, int plainLength, long offset)
    {
        BlockTrailer.Write(
            target.Slice(length, TableFormat.TrailerBytes), role, type, plainLength, tableId, offset,
            target[..length]);
        _buffered += length + TableFormat.TrailerBytes;
        return new BlockHandle(offset, length);
    }

    private Span<byte> Reserve(int bytes)
    {
        if (_buffer.Length - _buffered < bytes) Flush();
        if (_buffer.Length < bytes) _buffer = new byte[bytes];
        return _buffer.AsSpan(_buffered);
    }
}
