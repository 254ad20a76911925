using System.Buffers.Binary;
using Nori.Core;

namespace NoriKV.Acceptance;

/// <summary>
/// A value that says which write of which key it is and proves that it is whole:
/// key number u32 | write number u64 | random bytes | CRC-32C of all before u32.
/// </summary>
internal static class SelfCheckingValue
{
    private const int HeadBytes = 12;
    private const int TailBytes = 4;

    public static byte[] Create(uint key, ulong write, int fillerBytes, Prng random)
    {
        byte[] value = new byte[HeadBytes + fillerBytes + TailBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(value, key);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(4), write);
        random.Fill(value.AsSpan(HeadBytes, fillerBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(^TailBytes..), Crc32C.Compute(value.AsSpan(..^TailBytes)));
        return value;
    }

    /// <summary>The write's number; fails the test when the value is torn or another key's.</summary>
    public static ulong Read(uint key, ReadOnlySpan<byte> value)
    {
        Assert.True(value.Length >= HeadBytes + TailBytes, $"key {key}: a value of {value.Length} bytes is torn");
        Assert.True(
            Crc32C.Compute(value[..^TailBytes]) == BinaryPrimitives.ReadUInt32LittleEndian(value[^TailBytes..]),
            $"key {key}: the value is torn");
        Assert.Equal(key, BinaryPrimitives.ReadUInt32LittleEndian(value));
        return BinaryPrimitives.ReadUInt64LittleEndian(value[4..]);
    }
}
