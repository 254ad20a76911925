using System.Runtime.InteropServices;
using Nori.Compression;

namespace Nori.Storage.Bench.Data;

/// <summary>
/// Values that compress to a half, each its own: pieces of 100 bytes, the first half random, the second half the
/// first again. Nothing repeats from one value to the next, so a larger window finds no more.
/// </summary>
internal static class Values
{
    private const int PieceBytes = 100;

    /// <summary>The value that belongs to a key and a version of it; equal arguments, equal bytes.</summary>
    public static void Fill(Span<byte> value, long number, long version)
    {
        ulong state = ((ulong)number * 0x9E3779B97F4A7C15) ^ ((ulong)version * 0xD1B54A32D192ED03) ^ 0x2545F4914F6CDD1D;
        Span<byte> random = stackalloc byte[56];
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(random);
        for (int at = 0; at < value.Length; at += PieceBytes)
        {
            Span<byte> piece = value[at..Math.Min(at + PieceBytes, value.Length)];
            int half = (piece.Length + 1) / 2;
            for (int i = 0; i * sizeof(ulong) < half; i++)
            {
                // SplitMix64.
                ulong z = state += 0x9E3779B97F4A7C15;
                z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
                words[i] = z ^ (z >> 31);
            }

            random[..half].CopyTo(piece);
            random[..(piece.Length - half)].CopyTo(piece[half..]);
        }
    }

    /// <summary>Compressed by uncompressed bytes of 4 KiB of such values under LZ4.</summary>
    public static double MeasureRatio(int valueBytes)
    {
        byte[] block = new byte[4096];
        for (int at = 0, i = 0; at < block.Length; at += valueBytes, i++)
            Fill(block.AsSpan(at, Math.Min(valueBytes, block.Length - at)), i, 0);
        IBlockCodec lz4 = BlockCodecs.Get(CompressionType.Lz4);
        return lz4.Compress(block, new byte[lz4.MaxCompressedLength(block.Length)]) / (double)block.Length;
    }
}
