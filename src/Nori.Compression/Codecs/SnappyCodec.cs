using IronSnappy;
using Nori.Core;

namespace Nori.Compression.Codecs;

/// <summary>
/// Snappy's raw format. IronSnappy compresses; decompression is ours, because the package's allocates what
/// the input asks for and this one must neither allocate nor trust (docs/decisions/0008-compression.md).
/// </summary>
internal sealed class SnappyCodec : IBlockCodec
{
    public CompressionType Type => CompressionType.Snappy;

    public int MaxCompressedLength(int n)
    {
        BlockCodecs.CheckLength(n);
        return checked(32 + n + n / 6);
    }

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        BlockCodecs.CheckTarget(this, source, target);
        if (source.IsEmpty) return Varint.Write(target, 0);
        byte[] compressed = Snappy.Encode(source);
        compressed.CopyTo(target);
        return compressed.Length;
    }

    public bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target) =>
        SnappyDecoder.TryDecode(source, target);
}
