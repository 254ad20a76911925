using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

// A frame of the channels Control and Forward: what one step of a node has for one peer. Little-endian. Bytewise:
// docs/formats/peer-call.md.
//
//   0 format = 1   1 zero   2 cluster hash u64   10 from node u64   18 to node u64   26 sender's boot epoch u64
//  34 message count u32   38 messages   + CRC-32C u32 of everything before it
//
// message: kind u8 | method u8 | id u64 | request, note: milliseconds left u32 | length u32 | body
//                                       | reply: asker's boot epoch u64 | status u8 | length u32 | body
//                                       | cancel: nothing
internal readonly record struct PeerCallFrame(NodeNumber From, NodeNumber To, ulong BootEpoch, uint Messages)
{
    // Part of the format.
    public const byte Format = 1;
    public const int HeaderBytes = 38;
    public const int TrailerBytes = sizeof(uint);
    public const int PrefixBytes = 10;
    public const int RequestBytes = PrefixBytes + 8;
    public const int ReplyBytes = PrefixBytes + 13;

    /// <summary>Writes the header in front of messages and the checksum behind them.</summary>
    /// <param name="frame">Room for the header, the messages, room for the checksum.</param>
    /// <param name="cluster">The cluster's hash.</param>
    public void Seal(Span<byte> frame, ulong cluster)
    {
        frame[0] = Format;
        frame[1] = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(frame[2..], cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(frame[10..], From.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(frame[18..], To.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(frame[26..], BootEpoch);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[34..], Messages);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[^TrailerBytes..], Crc32C.Compute(frame[..^TrailerBytes]));
    }

    /// <summary>Writes a message without its body; returns where the body begins.</summary>
    public static int WriteHead(Span<byte> target, in PeerCallMessage message, int bodyBytes)
    {
        target[0] = (byte)message.Kind;
        target[1] = (byte)message.Method;
        BinaryPrimitives.WriteUInt64LittleEndian(target[2..], message.Id);
        if (message.Kind == PeerCallKind.Cancel) return PrefixBytes;
        if (message.Kind == PeerCallKind.Reply)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target[10..], message.AskerEpoch);
            target[18] = (byte)message.Status;
            BinaryPrimitives.WriteInt32LittleEndian(target[19..], bodyBytes);
            return ReplyBytes;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target[10..], message.MillisecondsLeft);
        BinaryPrimitives.WriteInt32LittleEndian(target[14..], bodyBytes);
        return RequestBytes;
    }

    /// <summary>Reads a frame's header; false for bytes that are none, or of another cluster.</summary>
    public static bool TryDecode(
        ReadOnlyMemory<byte> bytes, ulong cluster, out PeerCallFrame frame, out ReadOnlyMemory<byte> messages)
    {
        frame = default;
        messages = default;
        ReadOnlySpan<byte> span = bytes.Span;
        if (span.Length < HeaderBytes + TrailerBytes || span[0] != Format || span[1] != 0) return false;
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(span[^TrailerBytes..]);
        if (crc != Crc32C.Compute(span[..^TrailerBytes])) return false;
        if (BinaryPrimitives.ReadUInt64LittleEndian(span[2..]) != cluster) return false;
        frame = new PeerCallFrame(
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(span[10..])),
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(span[18..])),
            BinaryPrimitives.ReadUInt64LittleEndian(span[26..]),
            BinaryPrimitives.ReadUInt32LittleEndian(span[34..]));
        messages = bytes[HeaderBytes..^TrailerBytes];
        return true;
    }

    /// <summary>Takes the next message off; false at the end, and for bytes that are none.</summary>
    public static bool TryRead(ref ReadOnlyMemory<byte> messages, out PeerCallMessage message)
    {
        message = default;
        var reader = new SpanReader(messages.Span);
        if (!reader.TryReadByte(out byte kind) || kind is < (byte)PeerCallKind.Request or > (byte)PeerCallKind.Note) return false;
        if (!reader.TryReadByte(out byte method) || !reader.TryReadUInt64(out ulong id)) return false;
        uint left = 0, length = 0;
        ulong epoch = 0;
        byte status = 0;
        if (kind == (byte)PeerCallKind.Reply)
        {
            if (!reader.TryReadUInt64(out epoch) || !reader.TryReadByte(out status)) return false;
            // Those from 16 on are an asker's own words.
            if (status >= (byte)PeerReplyStatus.NotSent || !reader.TryReadUInt32(out length)) return false;
        }
        else if (kind != (byte)PeerCallKind.Cancel
            && (!reader.TryReadUInt32(out left) || !reader.TryReadUInt32(out length)))
        {
            return false;
        }

        if (length > (uint)reader.Remaining.Length) return false;
        message = new PeerCallMessage(
            (PeerCallKind)kind, (PeerMethod)method, id, messages.Slice(reader.Position, (int)length))
        {
            MillisecondsLeft = left,
            AskerEpoch = epoch,
            Status = (PeerReplyStatus)status,
        };
        messages = messages[(reader.Position + (int)length)..];
        return true;
    }
}
