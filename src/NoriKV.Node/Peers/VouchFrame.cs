using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

// A frame of the channel Raft: a node shows a peer how far it remembers, and is answered whether the peer remembers more of it.
// Little-endian, 46 bytes. Bytewise: docs/formats/vouch.md.
//
//   0 format = 4   1 kind (VouchKind)   2 cluster hash u64   10 from node u64   18 to node u64
//  26 Later: the mark of the receiver that is kept; else the mark of the sender that the receiver confirmed, u64
//  34 the mark that is offered, or was, u64
//  42 CRC-32C u32 of everything before it
internal readonly record struct VouchFrame(VouchKind Kind, NodeNumber From, NodeNumber To, ulong Known, ulong Offered)
{
    // Part of the format; the other frames of the channel begin with other ones.
    public const byte Format = 4;
    private const int Bytes = 46;
    private const int TrailerBytes = sizeof(uint);

    /// <summary>True for a frame that is meant to be one of these.</summary>
    public static bool IsOne(ReadOnlySpan<byte> frame) => frame.Length > 0 && frame[0] == Format;

    public byte[] Encode(ulong cluster)
    {
        byte[] frame = new byte[Bytes];
        Span<byte> target = frame;
        target[0] = Format;
        target[1] = (byte)Kind;
        BinaryPrimitives.WriteUInt64LittleEndian(target[2..], cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(target[10..], From.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[18..], To.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[26..], Known);
        BinaryPrimitives.WriteUInt64LittleEndian(target[34..], Offered);
        BinaryPrimitives.WriteUInt32LittleEndian(target[^TrailerBytes..], Crc32C.Compute(target[..^TrailerBytes]));
        return frame;
    }

    /// <summary>Reads a frame; false for bytes that are none, or of another cluster.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> frame, ulong cluster, out VouchFrame read)
    {
        read = default;
        if (frame.Length != Bytes || frame[0] != Format) return false;
        var kind = (VouchKind)frame[1];
        if (kind is VouchKind.None or > VouchKind.Later) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(frame[^TrailerBytes..]) != Crc32C.Compute(frame[..^TrailerBytes])) return false;
        if (BinaryPrimitives.ReadUInt64LittleEndian(frame[2..]) != cluster) return false;
        read = new VouchFrame(
            kind,
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(frame[10..])),
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(frame[18..])),
            BinaryPrimitives.ReadUInt64LittleEndian(frame[26..]),
            BinaryPrimitives.ReadUInt64LittleEndian(frame[34..]));
        return read.Offered != 0 && (kind != VouchKind.Present || read.Known <= read.Offered);
    }
}
