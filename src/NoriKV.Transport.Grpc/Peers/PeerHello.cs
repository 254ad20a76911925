using System.Buffers.Binary;
using Nori.Grpc;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// What opens a stream between nodes, in both directions (docs/formats/peer-hello.md), little-endian:
/// <code>
///  0  format u8 = 1 | channel u8
///  2  lowest protocol u16 | highest protocol u16
///  6  from u64 | to u64
/// 22  cluster id 16 bytes | store uuid 16 bytes
/// 54  the server's only: token of a line, 32 bytes, where it takes one
/// </code>
/// </summary>
internal readonly record struct PeerHello(
    PeerChannel Channel,
    ushort ProtocolMin,
    ushort ProtocolMax,
    NodeNumber From,
    NodeNumber To,
    Guid ClusterId,
    Guid StoreUuid)
{
    private const byte Format = 1;
    private const int Length = 54;

    /// <summary>The token of the line in a server's hello; empty where there is none.</summary>
    public static ReadOnlyMemory<byte> LineTokenOf(ReadOnlyMemory<byte> bytes) =>
        bytes.Length >= Length + FrameLineFormat.TokenBytes ? bytes.Slice(Length, FrameLineFormat.TokenBytes) : default;

    public byte[] Encode()
    {
        byte[] bytes = new byte[Length];
        bytes[0] = Format;
        bytes[1] = (byte)Channel;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), ProtocolMin);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), ProtocolMax);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(6), From.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(14), To.Value);
        ClusterId.TryWriteBytes(bytes.AsSpan(22), bigEndian: true, out _);
        StoreUuid.TryWriteBytes(bytes.AsSpan(38), bigEndian: true, out _);
        return bytes;
    }

    /// <summary>False for bytes that are none. A later format may be longer: what follows is not looked at.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out PeerHello hello)
    {
        hello = default;
        if (bytes.Length < Length || bytes[0] != Format) return false;
        if (!Enum.IsDefined((PeerChannel)bytes[1])) return false;
        hello = new PeerHello(
            (PeerChannel)bytes[1],
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]),
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(bytes[6..])),
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(bytes[14..])),
            new Guid(bytes[22..38], bigEndian: true),
            new Guid(bytes[38..54], bigEndian: true));
        return hello.ProtocolMin <= hello.ProtocolMax && hello.From.Value != 0;
    }
}
