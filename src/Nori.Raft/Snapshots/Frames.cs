using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>What replicas send each other, framed. Bytewise in docs/formats/raft-frame.md.</summary>
internal static class Frames
{
    // crc u32 over all behind it | format u8 = 1 | kind u8 | body
    // message:  as docs/formats/raft-message.md
    // snapshot: group varint | from varint | to varint | term varint | index varint | index term varint | checksum u32
    //           | offset varint
    //   offer:  | configuration index varint | configuration length-prefixed       (offset: the whole length)
    //   chunk:  | bytes to the end
    //   ack:    | state u8
    public const int HeaderBytes = 6;
    private const byte Format = 1;

    public static ReadOnlyMemory<byte> Message(in RaftMessage message, IEntrySource entries)
    {
        int hint = (int)Math.Min(message.Entries.Bytes, 1 << 30) + 128;
        ArrayBufferWriter<byte> writer = Begin(FrameKind.Message, hint);
        RaftMessageCodec.Write(message, entries, writer);
        return Seal(writer);
    }

    public static ReadOnlyMemory<byte> Snapshot(in SnapshotFrame frame)
    {
        ArrayBufferWriter<byte> writer = Begin(frame.Kind, frame.Data.Length + 128);
        writer.WriteVarint(frame.Group.Value);
        writer.WriteVarint(frame.From.Value);
        writer.WriteVarint(frame.To.Value);
        writer.WriteVarint(frame.Term.Value);
        writer.WriteVarint(frame.Index.Value);
        writer.WriteVarint(frame.IndexTerm.Value);
        writer.WriteUInt32(frame.Checksum);
        writer.WriteVarint((ulong)frame.Offset);
        if (frame.Kind == FrameKind.SnapshotOffer)
        {
            writer.WriteVarint(frame.Configuration.Index.Value);
            writer.WriteLengthPrefixed(ConfigurationCodec.Encode(frame.Configuration.Configuration));
        }
        else if (frame.Kind == FrameKind.SnapshotChunk)
        {
            writer.Write(frame.Data.Span);
        }
        else
        {
            writer.WriteByte((byte)frame.State);
        }

        return Seal(writer);
    }

    /// <summary>False when the frame is not whole or of another format.</summary>
    public static bool TryOpen(ReadOnlyMemory<byte> frame, out FrameKind kind, out ReadOnlyMemory<byte> body)
    {
        (kind, body) = (default, default);
        ReadOnlySpan<byte> bytes = frame.Span;
        if (bytes.Length < HeaderBytes || bytes[4] != Format) return false;
        if (bytes[5] is 0 or > (byte)FrameKind.SnapshotAck) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc32C.Compute(bytes[4..])) return false;
        (kind, body) = ((FrameKind)bytes[5], frame[HeaderBytes..]);
        return true;
    }

    public static bool TryReadSnapshot(FrameKind kind, ReadOnlyMemory<byte> body, out SnapshotFrame frame)
    {
        frame = default;
        SpanReader reader = new(body.Span);
        if (!reader.TryReadVarint(out ulong group) || !reader.TryReadVarint(out ulong from)
            || !reader.TryReadVarint(out ulong to) || !reader.TryReadVarint(out ulong term)
            || !reader.TryReadVarint(out ulong index) || !reader.TryReadVarint(out ulong indexTerm)
            || !reader.TryReadUInt32(out uint checksum) || !reader.TryReadVarint(out ulong offset)
            || offset > long.MaxValue)
            return false;
        SnapshotFrame read = new()
        {
            Kind = kind, Group = new GroupId(group), From = new ReplicaId(from), To = new ReplicaId(to),
            Term = new Term(term), Index = new LogIndex(index), IndexTerm = new Term(indexTerm),
            Checksum = checksum, Offset = (long)offset,
        };
        if (kind == FrameKind.SnapshotChunk)
        {
            frame = read with { Data = body[reader.Position..] };
            return !frame.Data.IsEmpty;
        }

        if (kind == FrameKind.SnapshotAck)
        {
            if (!reader.TryReadByte(out byte state) || state > (byte)SnapshotAckState.Refused) return false;
            frame = read with { State = (SnapshotAckState)state };
            return reader.AtEnd;
        }

        if (!reader.TryReadVarint(out ulong configurationIndex)
            || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)
            || !ConfigurationCodec.TryDecode(bytes, out Configuration configuration))
            return false;
        frame = read with { Configuration = new ConfigurationEntry(new LogIndex(configurationIndex), configuration) };
        return reader.AtEnd;
    }

    private static ArrayBufferWriter<byte> Begin(FrameKind kind, int sizeHint)
    {
        ArrayBufferWriter<byte> writer = new(HeaderBytes + sizeHint);
        writer.WriteUInt32(0);
        writer.WriteByte(Format);
        writer.WriteByte((byte)kind);
        return writer;
    }

    private static ReadOnlyMemory<byte> Seal(ArrayBufferWriter<byte> writer)
    {
        Span<byte> bytes = MemoryMarshal.AsMemory(writer.WrittenMemory).Span;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(bytes[4..]));
        return writer.WrittenMemory;
    }
}
