using System.Buffers.Binary;

namespace NoriKV.Cluster.Bench.Load;

/// <summary>
/// The requests that h2load sends, framed for gRPC. A key is field 1 and a value field 2 for etcd and for NoriKV alike, so
/// both get the same bytes.
/// </summary>
internal static class Payload
{
    public const int ValueBytes = 1024;

    public static byte[] Key { get; } = "bench/key"u8.ToArray();

    /// <summary>Half random, half the same again: it compresses to a half.</summary>
    public static byte[] Value(int number)
    {
        byte[] value = new byte[ValueBytes];
        new Random(number).NextBytes(value.AsSpan(0, ValueBytes / 2));
        value.AsSpan(0, ValueBytes / 2).CopyTo(value.AsSpan(ValueBytes / 2));
        return value;
    }

    public static byte[] Put() => Framed([0x0a, (byte)Key.Length, .. Key, 0x12, 0x80, 0x08, .. Value(0)]);

    public static byte[] Get() => Framed([0x0a, (byte)Key.Length, .. Key]);

    private static byte[] Framed(byte[] message)
    {
        byte[] frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }
}
