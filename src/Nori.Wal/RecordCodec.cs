using Nori.Compression;
using Nori.IO;

namespace Nori.Wal;

/// <summary>Turns a stored payload into what was appended.</summary>
internal static class RecordCodec
{
    /// <summary>The payload itself when it is stored plainly; else a new array with the expanded bytes.</summary>
    /// <exception cref="CorruptionException">The checksum held but the codec refused: written by a faulty
    /// machine.</exception>
    public static ReadOnlySpan<byte> Expand(
        in RecordHeader header, ReadOnlySpan<byte> stored, string path, long offset) =>
        header.Codec == CompressionType.None ? stored : Decompress(header, stored, path, offset);

    private static byte[] Decompress(in RecordHeader header, ReadOnlySpan<byte> stored, string path, long offset)
    {
        if (!Enum.IsDefined(header.Codec))
        {
            throw new CorruptionException(path, offset, "a codec of 0 to 3", $"codec {(byte)header.Codec}");
        }

        // Not even behind a checksum is a length believed that the codec cannot come to: it decides how much is allocated.
        long most = header.Codec switch
        {
            CompressionType.Snappy => (64L * stored.Length) + 64,
            CompressionType.Lz4 => (256L * stored.Length) + 64,
            // A block of at most 128 KiB takes at least four bytes.
            _ => Math.Min(WalFormat.StoredBytesMax, (32_768L * stored.Length) + (128 << 10)),
        };
        if (header.Length > most)
        {
            throw new CorruptionException(
                path, offset, $"at most {most} bytes of {stored.Length} by {header.Codec}", $"{header.Length} bytes");
        }

        byte[] payload = new byte[header.Length];
        if (BlockCodecs.Get(header.Codec).TryDecompress(stored, payload)) return payload;
        throw new CorruptionException(
            path, offset, $"{header.Length} bytes of {header.Codec}", $"{stored.Length} bytes that do not expand to them");
    }
}
