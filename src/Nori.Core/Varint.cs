using System.Numerics;

namespace Nori.Core;

/// <summary>Unsigned LEB128 integers: seven bits a byte, least significant first, at most ten bytes.</summary>
public static class Varint
{
    /// <summary>The most bytes one value takes.</summary>
    public const int BytesMax = 10;

    /// <summary>The bytes that <paramref name="value"/> takes, 1 to 10.</summary>
    public static int SizeOf(ulong value) => (BitOperations.Log2(value | 1) * 9 + 73) / 64;

    /// <summary>Writes the value; returns the bytes written. The span must have room for them.</summary>
    public static int Write(Span<byte> destination, ulong value)
    {
        int i = 0;
        for (; value >= 0x80; value >>= 7) destination[i++] = (byte)(value | 0x80);
        destination[i++] = (byte)value;
        return i;
    }

    /// <summary>Reads a value; false when the input ends early or does not fit 64 bits.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int bytesRead)
    {
        value = 0;
        for (bytesRead = 0; bytesRead < source.Length && bytesRead < BytesMax;)
        {
            byte b = source[bytesRead];
            if (bytesRead == BytesMax - 1 && b > 1) break;
            value |= (ulong)(b & 0x7F) << (7 * bytesRead);
            bytesRead++;
            if (b < 0x80) return true;
        }

        value = 0;
        bytesRead = 0;
        return false;
    }
}
