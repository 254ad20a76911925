using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Nori.Core;

namespace Nori.SSTable.Filter;

// Filter block (payload, never compressed):
//
//   filter version u8 = 1 | probes u8 | reserved u16 = 0 | lines u32 | line 0 (64 bytes) | line 1 | …
//
// A key sets `probes` bits within one line of 512 bits: one cache miss per lookup
// (docs/decisions/0009-sstable-filter.md). Of its hash h (xxHash64, seed 0): the line is the high half of h ×
// lines; the bits are 9-bit slices from the top of rotate(h, 32) × 0x9E3779B97F4A7C15, bit b being bit b mod
// 8 of byte b div 8 of the line.
internal static class BloomFilter
{
    public const int HeaderBytes = 8;
    public const int LineBytes = 64;
    private const int LineBits = LineBytes * 8;
    private const int FilterVersion = 1;
    private const int ProbesMax = 7;
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    /// <summary>The filter over these hashes.</summary>
    public static byte[] Build(ReadOnlySpan<ulong> hashes, int bitsPerKey)
    {
        Invariant.Assert(bitsPerKey > 0);
        long lines = Math.Max(1, ((long)hashes.Length * bitsPerKey + LineBits - 1) / LineBits);
        byte[] filter = new byte[HeaderBytes + checked((int)(lines * LineBytes))];
        int probes = ProbesFor(bitsPerKey);
        filter[0] = FilterVersion;
        filter[1] = (byte)probes;
        BinaryPrimitives.WriteUInt32LittleEndian(filter.AsSpan(4), (uint)lines);
        foreach (ulong hash in hashes)
        {
            Span<byte> line = filter.AsSpan(LineOffset(hash, (uint)lines), LineBytes);
            ulong bits = BitsOf(hash);
            for (int i = 0; i < probes; i++, bits <<= 9)
            {
                int bit = (int)(bits >> 55);
                line[bit >> 3] |= (byte)(1 << (bit & 7));
            }
        }

        return filter;
    }

    /// <summary>Null when the payload is a filter, else what is wrong.</summary>
    public static string? Validate(ReadOnlySpan<byte> filter)
    {
        if (filter.Length < HeaderBytes + LineBytes) return $"a filter of {filter.Length} bytes";
        if (filter[0] != FilterVersion) return $"filter version {filter[0]}, this build reads 1";
        if (filter[1] is < 1 or > ProbesMax) return $"{filter[1]} probes";
        if (filter[2] != 0 || filter[3] != 0) return "reserved bytes that are not 0";
        uint lines = BinaryPrimitives.ReadUInt32LittleEndian(filter[4..]);
        return lines * (long)LineBytes == filter.Length - HeaderBytes
            ? null
            : $"{lines} lines in {filter.Length} bytes";
    }

    /// <summary>
    /// False when the key of that hash is certainly not in the filter. The filter was validated.
    /// </summary>
    // Hot path.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MayContain(ReadOnlySpan<byte> filter, ulong hash)
    {
        uint lines = (uint)(filter.Length / LineBytes);
        ReadOnlySpan<byte> line = filter.Slice(LineOffset(hash, lines), LineBytes);
        ulong bits = BitsOf(hash);
        for (int i = filter[1]; i > 0; i--, bits <<= 9)
        {
            int bit = (int)(bits >> 55);
            if ((line[bit >> 3] & (1 << (bit & 7))) == 0) return false;
        }

        return true;
    }

    // ln 2 × bits per key is best for independent bits; within one line one probe less is.
    private static int ProbesFor(int bitsPerKey) => Math.Clamp((int)(bitsPerKey * 0.6), 1, ProbesMax);

    private static int LineOffset(ulong hash, uint lines) =>
        HeaderBytes + (int)Math.BigMul(hash, lines, out _) * LineBytes;

    private static ulong BitsOf(ulong hash) => ((hash << 32) | (hash >> 32)) * Multiplier;
}
