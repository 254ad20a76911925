namespace Nori.Compression.Codecs;

/// <summary>Copies.</summary>
internal sealed class NoneCodec : IBlockCodec
{
    public CompressionType Type => CompressionType.None;

    public int MaxCompressedLength(int n)
    {
        BlockCodecs.CheckLength(n);
        return n;
    }

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        BlockCodecs.CheckTarget(this, source, target);
        source.CopyTo(target);
        return source.Length;
    }

    public bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (source.Length != target.Length) return false;
        source.CopyTo(target);
        return true;
    }
}
