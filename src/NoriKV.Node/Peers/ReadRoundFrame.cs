using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

// The other frame of the channel Raft: a leader's node asks a peer whether groups are still led in a term, and is told.
// Little-endian. Bytewise: docs/formats/read-round.md.
//
//   0 format = 3   1 kind (1 question, 2 answer)   2 cluster hash u64   10 from node u64   18 to node u64   26 round u64
//  34 group count u32
//  38 question: groups × (shard u32 | term u64 | leading replica u64 | asked replica u64)
//     answer:   a bit for each group of the question, the lowest of a byte first: 1 it is led so; bits left over are 0
//   +  CRC-32C u32 of everything before it
internal readonly record struct ReadRoundFrame(NodeNumber From, NodeNumber To, ulong Round, int Groups, bool IsAnswer)
{
    // Part of the format; a PeerBatch begins with another one.
    public const byte Format = 3;
    public const int HeaderBytes = 38;
    public const int GroupBytes = 28;
    private const int TrailerBytes = sizeof(uint);
    private const byte Question = 1;
    private const byte Answer = 2;

    /// <summary>Bytes behind the header.</summary>
    public static int BodyBytes(int groups, bool isAnswer) => isAnswer ? (groups + 7) / 8 : groups * GroupBytes;

    /// <summary>True for a frame that is meant to be one of these.</summary>
    public static bool IsOne(ReadOnlySpan<byte> frame) => frame.Length > 0 && frame[0] == Format;

    /// <summary>A frame whose body is zero, to be written and then sealed.</summary>
    public byte[] NewFrame() => new byte[HeaderBytes + BodyBytes(Groups, IsAnswer) + TrailerBytes];

    /// <summary>The body of a frame.</summary>
    public static Span<byte> BodyOf(byte[] frame) => frame.AsSpan(HeaderBytes..^TrailerBytes);

    /// <summary>Writes the header in front of the body and the checksum behind it.</summary>
    public void Seal(byte[] frame, ulong cluster)
    {
        frame[0] = Format;
        frame[1] = IsAnswer ? Answer : Question;
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(2), cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(10), From.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(18), To.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(26), Round);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(34), Groups);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(^TrailerBytes..), Crc32C.Compute(frame.AsSpan(..^TrailerBytes)));
    }

    /// <summary>Reads a frame; false for bytes that are none, or of another cluster.</summary>
    public static bool TryDecode(
        ReadOnlySpan<byte> frame, ulong cluster, out ReadRoundFrame round, out ReadOnlySpan<byte> body)
    {
        round = default;
        body = default;
        if (frame.Length < HeaderBytes + TrailerBytes || frame[0] != Format || frame[1] is not (Question or Answer)) return false;
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(frame[^TrailerBytes..]);
        if (crc != Crc32C.Compute(frame[..^TrailerBytes])) return false;
        if (BinaryPrimitives.ReadUInt64LittleEndian(frame[2..]) != cluster) return false;
        body = frame[HeaderBytes..^TrailerBytes];
        bool isAnswer = frame[1] == Answer;
        int groups = BinaryPrimitives.ReadInt32LittleEndian(frame[34..]);
        // By the length, before anything is computed from the number.
        int groupsMax = isAnswer ? body.Length * 8 : body.Length / GroupBytes;
        if (groups < 0 || groups > groupsMax || BodyBytes(groups, isAnswer) != body.Length) return false;
        round = new ReadRoundFrame(
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(frame[10..])),
            new NodeNumber(BinaryPrimitives.ReadUInt64LittleEndian(frame[18..])),
            BinaryPrimitives.ReadUInt64LittleEndian(frame[26..]),
            groups,
            isAnswer);
        return true;
    }

    public static void WriteGroup(Span<byte> body, int place, in ReadRoundGroup group)
    {
        Span<byte> target = body.Slice(place * GroupBytes, GroupBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(target, group.Shard.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[4..], group.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[12..], group.Leader.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[20..], group.Asked.Value);
    }

    public static ReadRoundGroup ReadGroup(ReadOnlySpan<byte> body, int place)
    {
        ReadOnlySpan<byte> source = body.Slice(place * GroupBytes, GroupBytes);
        return new ReadRoundGroup(
            new ShardId(BinaryPrimitives.ReadUInt32LittleEndian(source)),
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(source[4..])),
            new ReplicaId(BinaryPrimitives.ReadUInt64LittleEndian(source[12..])),
            new ReplicaId(BinaryPrimitives.ReadUInt64LittleEndian(source[20..])));
    }

    public static void SetBit(Span<byte> body, int place) => body[place >> 3] |= (byte)(1 << (place & 7));

    public static bool IsSet(ReadOnlySpan<byte> body, int place) => (body[place >> 3] & (1 << (place & 7))) != 0;
}
