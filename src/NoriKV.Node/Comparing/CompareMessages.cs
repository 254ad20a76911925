using System.Buffers;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Comparing;

// Between the leader of a shard and its other replicas (docs/formats/heal-messages.md). All begin with format u8 = 1.
//
//   Arm      shard varint | check u64 | from index varint          hash what is there behind the first time entry from there on
//   Ask      shard varint | check u64 | with pieces u8
//   answer   state u8: 0 none, 1 not yet, 2 digest follows | index varint | hash u64 | pairs varint | pieces: count varint,
//            each: hash u64, last key (length varint, bytes)
//   Differs  shard varint | replica varint | index varint | its hash u64 | range (text)
internal static class CompareMessages
{
    private const byte Format = 1;

    public static byte[] EncodeArm(ShardId shard, ulong check, LogIndex from)
    {
        var writer = new ArrayBufferWriter<byte>(32);
        Begin(writer, shard);
        writer.WriteUInt64(check);
        writer.WriteVarint(from.Value);
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecodeArm(ReadOnlySpan<byte> bytes, out ShardId shard, out ulong check, out LogIndex from)
    {
        (check, from) = (0, default);
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader, out shard) || !reader.TryReadUInt64(out check) || !reader.TryReadVarint(out ulong index)) return false;
        from = new LogIndex(index);
        return reader.AtEnd;
    }

    public static byte[] EncodeAsk(ShardId shard, ulong check, bool withPieces)
    {
        var writer = new ArrayBufferWriter<byte>(32);
        Begin(writer, shard);
        writer.WriteUInt64(check);
        writer.WriteByte(withPieces ? (byte)1 : (byte)0);
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecodeAsk(ReadOnlySpan<byte> bytes, out ShardId shard, out ulong check, out bool withPieces)
    {
        (check, withPieces) = (0, false);
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader, out shard) || !reader.TryReadUInt64(out check) || !reader.TryReadByte(out byte flag)) return false;
        withPieces = flag == 1;
        return flag <= 1 && reader.AtEnd;
    }

    public static byte[] EncodeAnswer(DigestState state, ReplicaDigest? digest, bool withPieces)
    {
        var writer = new ArrayBufferWriter<byte>(64);
        writer.WriteByte(Format);
        writer.WriteByte((byte)state);
        if (state == DigestState.Done) digest!.Write(writer, withPieces);
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecodeAnswer(ReadOnlySpan<byte> bytes, out DigestState state, out ReplicaDigest? digest)
    {
        (state, digest) = (DigestState.None, null);
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadByte(out byte value) || value > (byte)DigestState.Done) return false;
        state = (DigestState)value;
        if (state == DigestState.Done && (digest = ReplicaDigest.TryRead(ref reader)) is null) return false;
        return reader.AtEnd;
    }

    public static byte[] EncodeDiffers(ShardId shard, ReplicaId replica, LogIndex index, ulong hash, string range)
    {
        var writer = new ArrayBufferWriter<byte>(128);
        Begin(writer, shard);
        writer.WriteVarint(replica.Value);
        writer.WriteVarint(index.Value);
        writer.WriteUInt64(hash);
        writer.WriteLengthPrefixed(System.Text.Encoding.UTF8.GetBytes(range));
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecodeDiffers(
        ReadOnlySpan<byte> bytes, out ShardId shard, out ReplicaId replica, out LogIndex index, out ulong hash, out string range)
    {
        (replica, index, hash, range) = (default, default, 0, "");
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader, out shard) || !reader.TryReadVarint(out ulong id) || !reader.TryReadVarint(out ulong at)) return false;
        if (!reader.TryReadUInt64(out hash) || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> text)) return false;
        if (text.Length > 1024 || !reader.AtEnd) return false;
        (replica, index, range) = (new ReplicaId(id), new LogIndex(at), System.Text.Encoding.UTF8.GetString(text));
        return true;
    }

    private static void Begin(IBufferWriter<byte> writer, ShardId shard)
    {
        writer.WriteByte(Format);
        writer.WriteVarint(shard.Value);
    }

    private static bool TryBegin(ref SpanReader reader, out ShardId shard)
    {
        shard = default;
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadVarint(out ulong value) || value > uint.MaxValue) return false;
        shard = new ShardId((uint)value);
        return true;
    }
}
