using System.Numerics;
using System.Runtime.InteropServices;

namespace Nori.Core;

/// <summary>
/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected, initial and final complement) as in RFC 3720 §12.1;
/// one hardware instruction for eight bytes where the processor has it.
/// </summary>
public static class Crc32C
{
    /// <summary>The checksum of <paramref name="data"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of what <paramref name="crc"/> covers followed by <paramref name="data"/>.</summary>
    /// <param name="crc">A finished checksum; 0 for nothing yet.</param>
    /// <param name="data">The bytes that follow.</param>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        uint state = ~crc;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(data);
        if (BitConverter.IsLittleEndian)
        {
            foreach (ulong word in words) state = BitOperations.Crc32C(state, word);
            data = data[(words.Length * sizeof(ulong))..];
        }

        foreach (byte b in data) state = BitOperations.Crc32C(state, b);
        return ~state;
    }
}
