using Nori.Compression.Codecs;

namespace Nori.Compression;

/// <summary>The codecs by their type. Thread-safe.</summary>
public static class BlockCodecs
{
    /// <summary>The longest block any codec takes, in bytes: 1 GiB.</summary>
    public const int BlockBytesMax = 1 << 30;

    private static readonly NoneCodec None = new();
    private static readonly SnappyCodec Snappy = new();
    private static readonly Lz4Codec Lz4 = new();
    private static readonly ZstdCodec Zstd = new();

    /// <summary>The codec of that type.</summary>
    /// <exception cref="CodecUnavailableException">Its system library cannot be loaded.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No such type.</exception>
    public static IBlockCodec Get(CompressionType type)
    {
        switch (type)
        {
            case CompressionType.None: return None;
            case CompressionType.Snappy: return Snappy;
            case CompressionType.Lz4:
                NativeCodecLibrary.Lz4.ThrowIfMissing();
                return Lz4;
            case CompressionType.Zstd:
                NativeCodecLibrary.Zstd.ThrowIfMissing();
                return Zstd;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "no such compression");
        }
    }

    /// <summary>
    /// True when <see cref="Get"/> returns a codec for the type; false also for unknown types.
    /// </summary>
    public static bool IsAvailable(CompressionType type) => type switch
    {
        CompressionType.None or CompressionType.Snappy => true,
        CompressionType.Lz4 => NativeCodecLibrary.Lz4.IsAvailable,
        CompressionType.Zstd => NativeCodecLibrary.Zstd.IsAvailable,
        _ => false,
    };

    /// <summary>True for the types of this version, whether their library is here or not.</summary>
    public static bool IsKnown(CompressionType type) => type <= CompressionType.Zstd;

    internal static void CheckLength(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(n, BlockBytesMax);
    }

    internal static void CheckTarget(IBlockCodec codec, ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (target.Length >= codec.MaxCompressedLength(source.Length)) return;
        throw new ArgumentException(
            "the target is shorter than MaxCompressedLength of the source", nameof(target));
    }
}
