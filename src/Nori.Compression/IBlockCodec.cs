namespace Nori.Compression;

/// <summary>
/// Compresses blocks whose uncompressed length the caller stores beside them.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public interface IBlockCodec
{
    /// <summary>The format this codec reads and writes.</summary>
    CompressionType Type { get; }

    /// <summary>The most bytes that <paramref name="n"/> bytes can compress to, in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// n is negative or above <see cref="BlockCodecs.BlockBytesMax"/>.
    /// </exception>
    int MaxCompressedLength(int n);

    /// <summary>Compresses the source; returns the bytes written.</summary>
    /// <param name="source">At most <see cref="BlockCodecs.BlockBytesMax"/> bytes.</param>
    /// <param name="target">Has room for <see cref="MaxCompressedLength"/> of the source's length.</param>
    /// <exception cref="ArgumentException">The target is too short.</exception>
    int Compress(ReadOnlySpan<byte> source, Span<byte> target);

    /// <summary>
    /// Decompresses bytes nobody vouches for. True when they are well formed and fill the target exactly;
    /// then, and only then, the target holds the result. Never writes outside the target and allocates
    /// nothing that grows with the input.
    /// </summary>
    /// <param name="source">What <see cref="Compress"/> wrote.</param>
    /// <param name="target">Has the exact uncompressed length.</param>
    bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target);
}
