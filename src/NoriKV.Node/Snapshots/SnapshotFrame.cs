using System.Buffers.Binary;
using Nori.Core;
using Nori.Raft;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Snapshots;

// A frame of the snapshot channel, format 1. Little-endian. Bytewise: docs/formats/snapshot-stream.md.
//
//   0 format u8 = 1 | kind u8 | cluster u64 | shard u32 | from replica u64 | to replica u64 | stream u64
//  38 Offer     leader term u64, index u64, term u64, configuration index u64, configuration (as of its entry)
//     Chunk     number u32, payload
//     End       chunks u32, records u64, bytes u64, hash u64
//     Progress  next chunk u32, flags u8 (1: something is missing, send from there again)
//     Refuse    reason u8
//     Cancel, Done  nothing
//   + CRC-32C u32 of everything before
internal readonly struct SnapshotFrame
{
    // Part of the format.
    public const byte Format = 1;
    public const int HeadBytes = 38;
    public const int ChecksumBytes = 4;
    public const int ChunkOverheadBytes = HeadBytes + 4 + ChecksumBytes;
    private const byte MissingFlag = 1;

    public SnapshotFrameKind Kind { get; private init; }

    public SnapshotStreamId Stream { get; private init; }

    /// <summary>Offer: the leader's term.</summary>
    public Term LeaderTerm { get; private init; }

    /// <summary>Offer: what the snapshot covers.</summary>
    public Raft.SnapshotMeta? Meta { get; private init; }

    /// <summary>Chunk: its number; Progress: the next wanted; End: how many there were.</summary>
    public uint Number { get; private init; }

    /// <summary>Chunk: its bytes.</summary>
    public ReadOnlyMemory<byte> Payload { get; private init; }

    /// <summary>End: what the stream comes to.</summary>
    public SnapshotTotals Totals { get; private init; }

    /// <summary>Progress: something got lost.</summary>
    public bool IsMissing { get; private init; }

    public SnapshotRefusal Refusal { get; private init; }

    public static byte[] Offer(ulong cluster, SnapshotStreamId stream, Term leaderTerm, Raft.SnapshotMeta meta)
    {
        byte[] configuration = ConfigurationCodec.Encode(meta.Configuration.Configuration);
        byte[] frame = Begin(SnapshotFrameKind.Offer, cluster, stream, 32 + configuration.Length, out Span<byte> body);
        BinaryPrimitives.WriteUInt64LittleEndian(body, leaderTerm.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], meta.Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(body[16..], meta.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(body[24..], meta.Configuration.Index.Value);
        configuration.CopyTo(body[32..]);
        return End(frame);
    }

    public static byte[] Chunk(ulong cluster, SnapshotStreamId stream, uint number, ReadOnlySpan<byte> payload)
    {
        byte[] frame = Begin(SnapshotFrameKind.Chunk, cluster, stream, 4 + payload.Length, out Span<byte> body);
        BinaryPrimitives.WriteUInt32LittleEndian(body, number);
        payload.CopyTo(body[4..]);
        return End(frame);
    }

    public static byte[] Last(ulong cluster, SnapshotStreamId stream, in SnapshotTotals totals)
    {
        byte[] frame = Begin(SnapshotFrameKind.End, cluster, stream, 28, out Span<byte> body);
        BinaryPrimitives.WriteUInt32LittleEndian(body, totals.Chunks);
        BinaryPrimitives.WriteUInt64LittleEndian(body[4..], totals.Records);
        BinaryPrimitives.WriteUInt64LittleEndian(body[12..], totals.Bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(body[20..], totals.Hash);
        return End(frame);
    }

    public static byte[] Progress(ulong cluster, SnapshotStreamId stream, uint next, bool isMissing)
    {
        byte[] frame = Begin(SnapshotFrameKind.Progress, cluster, stream, 5, out Span<byte> body);
        BinaryPrimitives.WriteUInt32LittleEndian(body, next);
        body[4] = isMissing ? MissingFlag : (byte)0;
        return End(frame);
    }

    public static byte[] Refuse(ulong cluster, SnapshotStreamId stream, SnapshotRefusal reason)
    {
        byte[] frame = Begin(SnapshotFrameKind.Refuse, cluster, stream, 1, out Span<byte> body);
        body[0] = (byte)reason;
        return End(frame);
    }

    /// <summary>A frame that says nothing but its kind: Cancel, Done.</summary>
    public static byte[] Bare(SnapshotFrameKind kind, ulong cluster, SnapshotStreamId stream) =>
        End(Begin(kind, cluster, stream, 0, out _));

    /// <summary>Reads a frame; the payload of a chunk stays where it is.</summary>
    public static SnapshotFrameFault TryDecode(ReadOnlyMemory<byte> bytes, ulong cluster, out SnapshotFrame frame)
    {
        frame = default;
        if (bytes.Length < HeadBytes + ChecksumBytes) return SnapshotFrameFault.Damaged;
        ReadOnlySpan<byte> span = bytes.Span;
        if (span[0] != Format) return SnapshotFrameFault.UnknownFormat;
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(span[^ChecksumBytes..]);
        if (Crc32C.Compute(span[..^ChecksumBytes]) != checksum) return SnapshotFrameFault.Damaged;
        var reader = new SpanReader(span[1..^ChecksumBytes]);
        bool isWhole = reader.TryReadByte(out byte kind) & reader.TryReadUInt64(out ulong from)
            & reader.TryReadUInt32(out uint shard) & reader.TryReadUInt64(out ulong source)
            & reader.TryReadUInt64(out ulong target) & reader.TryReadUInt64(out ulong number);
        Invariant.Assert(isWhole);
        if (from != cluster) return SnapshotFrameFault.Foreign;
        var stream = new SnapshotStreamId(new ShardId(shard), new ReplicaId(source), new ReplicaId(target), number);
        frame = new SnapshotFrame { Kind = (SnapshotFrameKind)kind, Stream = stream };
        return TryReadBody(bytes[HeadBytes..^ChecksumBytes], ref frame) ? SnapshotFrameFault.None : SnapshotFrameFault.Damaged;
    }

    private static bool TryReadBody(ReadOnlyMemory<byte> body, ref SnapshotFrame frame)
    {
        var reader = new SpanReader(body.Span);
        switch (frame.Kind)
        {
            case SnapshotFrameKind.Offer:
                return TryReadOffer(ref reader, ref frame);
            case SnapshotFrameKind.Chunk:
                if (!reader.TryReadUInt32(out uint number) || reader.AtEnd) return false;
                frame = frame with { Number = number, Payload = body[reader.Position..] };
                return true;
            case SnapshotFrameKind.End:
                if (!reader.TryReadUInt32(out uint chunks) || !reader.TryReadUInt64(out ulong records)
                    || !reader.TryReadUInt64(out ulong bytes) || !reader.TryReadUInt64(out ulong hash)) return false;
                frame = frame with { Number = chunks, Totals = new SnapshotTotals(chunks, records, bytes, hash) };
                return reader.AtEnd;
            case SnapshotFrameKind.Progress:
                if (!reader.TryReadUInt32(out uint next) || !reader.TryReadByte(out byte flags)) return false;
                frame = frame with { Number = next, IsMissing = flags == MissingFlag };
                return reader.AtEnd && flags <= MissingFlag;
            case SnapshotFrameKind.Refuse:
                if (!reader.TryReadByte(out byte reason)) return false;
                frame = frame with { Refusal = (SnapshotRefusal)reason };
                return reader.AtEnd && reason is >= (byte)SnapshotRefusal.NotNeeded and <= (byte)SnapshotRefusal.Unknown;
            case SnapshotFrameKind.Cancel or SnapshotFrameKind.Done:
                return reader.AtEnd;
            default:
                return false;
        }
    }

    private static bool TryReadOffer(ref SpanReader reader, ref SnapshotFrame frame)
    {
        if (!reader.TryReadUInt64(out ulong leaderTerm) || !reader.TryReadUInt64(out ulong index)
            || !reader.TryReadUInt64(out ulong term) || !reader.TryReadUInt64(out ulong configurationIndex)) return false;
        if (index == 0 || term == 0 || term > leaderTerm || configurationIndex > index) return false;
        if (!ConfigurationCodec.TryDecode(reader.Remaining, out Raft.Configuration configuration)) return false;
        var entry = new Raft.ConfigurationEntry(new Raft.LogIndex(configurationIndex), configuration);
        frame = frame with
        {
            LeaderTerm = new Term(leaderTerm),
            Meta = new Raft.SnapshotMeta(new Raft.LogIndex(index), new Raft.Term(term), entry),
        };
        return true;
    }

    private static byte[] Begin(
        SnapshotFrameKind kind, ulong cluster, SnapshotStreamId stream, int bodyBytes, out Span<byte> body)
    {
        byte[] frame = new byte[HeadBytes + bodyBytes + ChecksumBytes];
        frame[0] = Format;
        frame[1] = (byte)kind;
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(2), cluster);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(10), stream.Shard.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(14), stream.From.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(22), stream.To.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(30), stream.Number);
        body = frame.AsSpan(HeadBytes, bodyBytes);
        return frame;
    }

    private static byte[] End(byte[] frame)
    {
        int length = frame.Length - ChecksumBytes;
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(length), Crc32C.Compute(frame.AsSpan(0, length)));
        return frame;
    }
}
