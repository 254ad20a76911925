using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Nori.Core;

/// <summary>
/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected, initial and final complement) as in RFC 3720 §12.1;
/// one hardware instruction for eight bytes where the processor has it, three of them at once where it can also
/// multiply without carry.
/// </summary>
public static class Crc32C
{
    // The instruction takes three cycles and one may begin in each: three independent pieces, put together at the end.
    // So that a payload of 1 KiB is one round, a block of 4 KiB four.
    private const int PieceWords = 42;
    private const int RoundWords = 3 * PieceWords;
    private const uint Reflected = 0x82F63B78;

    // What a checksum is multiplied with to stand one or two pieces further on.
    private static readonly ulong _behindOne = PowerOfX((PieceWords * 64) - 33);
    private static readonly ulong _behindTwo = PowerOfX((2 * PieceWords * 64) - 33);

    /// <summary>The checksum of <paramref name="data"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of what <paramref name="crc"/> covers followed by <paramref name="data"/>.</summary>
    /// <param name="crc">A finished checksum; 0 for nothing yet.</param>
    /// <param name="data">The bytes that follow.</param>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        uint state = ~crc;
        if (BitConverter.IsLittleEndian)
        {
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(data);
            data = data[(words.Length * sizeof(ulong))..];
            if (Sse42.X64.IsSupported && Pclmulqdq.IsSupported)
            {
                for (; words.Length >= RoundWords; words = words[RoundWords..]) state = Round(state, words[..RoundWords]);
            }

            foreach (ulong word in words) state = BitOperations.Crc32C(state, word);
        }

        foreach (byte b in data) state = BitOperations.Crc32C(state, b);
        return ~state;
    }

    // Hot path.
    private static uint Round(uint state, ReadOnlySpan<ulong> words)
    {
        ref ulong word = ref MemoryMarshal.GetReference(words);
        ulong a = state, b = 0, c = 0;
        for (int i = 0; i < PieceWords; i++)
        {
            a = Sse42.X64.Crc32(a, Unsafe.Add(ref word, i));
            b = Sse42.X64.Crc32(b, Unsafe.Add(ref word, i + PieceWords));
            c = Sse42.X64.Crc32(c, Unsafe.Add(ref word, i + (2 * PieceWords)));
        }

        return Behind(a, _behindTwo) ^ Behind(b, _behindOne) ^ (uint)c;
    }

    // A product of two reflected polynomials stands one bit off, and the instruction multiplies by x^32 itself: hence the 33.
    private static uint Behind(ulong crc, ulong power)
    {
        Vector128<ulong> product = Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar(crc), Vector128.CreateScalar(power), 0);
        return (uint)Sse42.X64.Crc32(0, product.ToScalar());
    }

    /// <summary>x^n modulo the polynomial, reflected.</summary>
    private static ulong PowerOfX(int n)
    {
        uint power = 0x80000000;
        for (; n > 0; n--) power = (power >> 1) ^ ((power & 1) != 0 ? Reflected : 0);
        return power;
    }
}
