using System.Buffers.Binary;

namespace Nori.Storage.Bench.Data;

/// <summary>Keys as db_bench has them: the number in 8 bytes, big-endian, then '0' to 16 bytes.</summary>
internal static class Keys
{
    public const int Length = 16;

    public static void Write(long number, Span<byte> key)
    {
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        key[8..Length].Fill((byte)'0');
    }
}
