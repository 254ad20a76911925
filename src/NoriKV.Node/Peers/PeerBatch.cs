using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

// A frame of the channel Raft: everything that one step of a node's worker has for one peer, of all groups, and what the
// node says of itself. Little-endian. Bytewise: docs/formats/peer-batch.md.
//
//   0 format = 2   1 flags (1 = well)   2 cluster hash u64   10 from node u64   18 to node u64   26 boot epoch u64
//  34 apply lag u64 (bytes committed, not applied)   42 wall clock u64 (Unix ms)
//  50 message count u32   54 messages (docs/formats/raft-message.md)
//   +  CRC-32C u32 of everything before it
internal readonly record struct PeerBatch(
    NodeNumber From, NodeNumber To, ulong BootEpoch, bool IsWell, ulong ApplyLag, long UnixMs, uint Messages)
{
    // Part of the format.
    public const byte Format = 2;
    public const int HeaderBytes = 54;
    public const int TrailerBytes = sizeof(uint);
    private const byte WellFlag = 1;

    /// <summary>Which cluster a node means; tells clusters apart, and is no secret.</summary>
    public static ulong HashOf(Guid cluster)
    {
        Span<byte> bytes = stackalloc byte[16];
        cluster.TryWriteBytes(bytes, bigEndian: true, out _);
        return XxHash64.Hash(bytes);
    }

    /// <summary>A frame of encoded messages.</summary>
    public byte[] Encode(ulong cluster, ReadOnlySpan<byte> messages)
    {
        byte[] frame = new byte[HeaderBytes + messages.Length + TrailerBytes];
        Span<byte> target = frame;
        target[0] = Format;
        target[1] = IsWell ? WellFlag : (byte)0;
        BinaryPrimitives.WriteUInt64LittleEndian(target[2..], cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(target[10..], From.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[18..], To.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[26..], BootEpoch);
        BinaryPrimitives.WriteUInt64LittleEndian(target[34..], ApplyLag);
        BinaryPrimitives.WriteInt64LittleEndian(target[42..], UnixMs);
        BinaryPrimitives.WriteUInt32LittleEndian(target[50..], Messages);
        messages.CopyTo(target[HeaderBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(target[^TrailerBytes..], Crc32C.Compute(target[..^TrailerBytes]));
        return frame;
    }

    /// <summary>Reads a frame; false for bytes that are none, or of another cluster.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> frame, ulong cluster, out PeerBatch batch, out ReadOnlySpan<byte> messages)
    {
        batch = default;
        messages = default;
        if (frame.Length < HeaderBytes + TrailerBytes || frame[0] != Format || frame[1] > WellFlag) return false;
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(frame[^TrailerBytes..]);
        if (crc != Crc32C.Compute(frame[..^TrailerBytes])) return false;
        if (BinaryPrimitives.ReadUInt64LittleEndian(frame[2..]) != cluster) return false;
        batch = new PeerBatch(
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(frame[10..])),
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(frame[18..])),
            BinaryPrimitives.ReadUInt64LittleEndian(frame[26..]),
            frame[1] == WellFlag,
            BinaryPrimitives.ReadUInt64LittleEndian(frame[34..]),
            BinaryPrimitives.ReadInt64LittleEndian(frame[42..]),
            BinaryPrimitives.ReadUInt32LittleEndian(frame[50..]));
        messages = frame[HeaderBytes..^TrailerBytes];
        return true;
    }
}
