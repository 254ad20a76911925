using System.Runtime.InteropServices;
using Nori.Core;

namespace Nori.Compression.Codecs;

/// <summary>LZ4's raw block format through the system's liblz4.</summary>
internal sealed partial class Lz4Codec : IBlockCodec
{
    public CompressionType Type => CompressionType.Lz4;

    public int MaxCompressedLength(int n)
    {
        BlockCodecs.CheckLength(n);
        return n + n / 255 + 16;
    }

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        BlockCodecs.CheckTarget(this, source, target);
        int written = LZ4_compress_default(
            ref MemoryMarshal.GetReference(source), ref MemoryMarshal.GetReference(target),
            source.Length, target.Length);
        Invariant.Assert(written > 0);
        Invariant.Assert(written <= target.Length);
        return written;
    }

    public bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        // LZ4_decompress_safe stays within both lengths whatever the input says.
        if (source.IsEmpty) return false;
        byte nothing = 0;
        ref byte output = ref (target.IsEmpty ? ref nothing : ref MemoryMarshal.GetReference(target));
        int written = LZ4_decompress_safe(
            ref MemoryMarshal.GetReference(source), ref output, source.Length, target.Length);
        return written == target.Length;
    }

    [LibraryImport(NativeCodecLibrary.Lz4Name)]
    private static partial int LZ4_compress_default(
        ref byte source, ref byte target, int sourceLength, int targetLength);

    [LibraryImport(NativeCodecLibrary.Lz4Name)]
    private static partial int LZ4_decompress_safe(
        ref byte source, ref byte target, int sourceLength, int targetLength);
}
