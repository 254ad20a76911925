using System.Buffers.Binary;
using Nori.Core;

namespace Nori.Fuzzing;

/// <summary>Small damages, as media and bugs make them.</summary>
internal static class Mutation
{
    private static readonly ulong[] Interesting =
    [
        0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, ulong.MaxValue,
    ];

    public static byte[] Of(byte[] input, byte[] other, Prng random)
    {
        byte[] bytes = [.. input];
        for (int i = random.NextInt(1, 5); i > 0; i--) bytes = One(bytes, other, random);
        return bytes;
    }

    private static byte[] One(byte[] bytes, byte[] other, Prng random)
    {
        if (bytes.Length == 0) return [.. other];
        int at = random.NextInt(bytes.Length);
        int count = Math.Min(random.NextInt(1, 40), bytes.Length - at);
        switch (random.NextInt(9))
        {
            case 0:
                return bytes[..at];
            case 1:
                return [.. bytes[..at], .. bytes[(at + count)..]];
            case 2:
                return [.. bytes[..at], .. bytes.AsSpan(at, count), .. bytes[at..]];
            case 3:
                return [.. bytes[..at], .. other.AsSpan(Math.Min(at, other.Length))];
            case 4:
                bytes.AsSpan(at, count).Clear();
                return bytes;
            case 5:
                random.Fill(bytes.AsSpan(at, count));
                return bytes;
            case 6:
                Span<byte> number = stackalloc byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64LittleEndian(number, Interesting[random.NextInt(Interesting.Length)]);
                int width = Math.Min(1 << random.NextInt(4), bytes.Length - at);
                number[..width].CopyTo(bytes.AsSpan(at));
                return bytes;
            case 7:
                bytes[at] += (byte)(random.Chance(0.5) ? 1 : 255);
                return bytes;
            default:
                bytes[at] ^= (byte)(1 << random.NextInt(8));
                return bytes;
        }
    }
}
