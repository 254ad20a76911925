using System.Buffers;
using System.Buffers.Binary;
using Nori.Core;
using Nori.IO;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters;

/// <summary>The layout of a snapshot file; bytewise in docs/formats/raft-snapshot.md.</summary>
internal static class SnapshotFile
{
    // header:  "NRSNAP" | format u16 = 1
    // data:    what the state machine wrote
    // trailer: index varint | term varint | configuration index varint | configuration length-prefixed
    //          | data length u64 | data crc-32c u32 | trailer length so far u32 | crc-32c of the trailer so far u32
    public const int HeaderBytes = 8;
    private const int EndBytes = 8;
    private const int TrailerBytesMax = 1 << 20;

    public static ReadOnlySpan<byte> Header => "NRSNAP\x01\x00"u8;

    public static bool HasHeader(IFile file)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        return file.TryReadExactly(0, header) && header.SequenceEqual(Header);
    }

    public static byte[] Trailer(StoredSnapshot snapshot)
    {
        ArrayBufferWriter<byte> writer = new();
        writer.WriteVarint(snapshot.Meta.Index.Value);
        writer.WriteVarint(snapshot.Meta.Term.Value);
        writer.WriteVarint(snapshot.Meta.Configuration.Index.Value);
        writer.WriteLengthPrefixed(ConfigurationCodec.Encode(snapshot.Meta.Configuration.Configuration));
        writer.WriteUInt64((ulong)snapshot.Bytes);
        writer.WriteUInt32(snapshot.Checksum);
        writer.WriteUInt32((uint)writer.WrittenCount);
        writer.WriteUInt32(Crc32C.Compute(writer.WrittenSpan));
        return writer.WrittenSpan.ToArray();
    }

    public static StoredSnapshot ReadTrailer(IFile file)
    {
        if (!HasHeader(file)) throw new CorruptionException(file.Path, 0, "a snapshot, format 1", "another header");
        byte[] end = new byte[EndBytes];
        long endAt = file.Length - EndBytes;
        if (endAt < HeaderBytes || !file.TryReadExactly(endAt, end)) throw Damaged(file, 0);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(end);
        if (length > TrailerBytesMax || length > endAt - HeaderBytes) throw Damaged(file, endAt);
        byte[] trailer = new byte[length + sizeof(uint)];
        if (!file.TryReadExactly(endAt - length, trailer)) throw Damaged(file, endAt - length);
        if (Crc32C.Compute(trailer) != BinaryPrimitives.ReadUInt32LittleEndian(end.AsSpan(4))) throw Damaged(file, endAt);
        return TryDecode(trailer.AsSpan(0, (int)length), out StoredSnapshot? snapshot)
            && snapshot!.Bytes == endAt - length - HeaderBytes
            ? snapshot
            : throw Damaged(file, endAt - length);
    }

    public static bool TryDecode(ReadOnlySpan<byte> trailer, out StoredSnapshot? snapshot)
    {
        snapshot = null;
        SpanReader reader = new(trailer);
        if (!reader.TryReadVarint(out ulong index) || !reader.TryReadVarint(out ulong term)
            || !reader.TryReadVarint(out ulong configurationIndex)
            || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)
            || !ConfigurationCodec.TryDecode(bytes, out Configuration configuration)
            || !reader.TryReadUInt64(out ulong length) || length > long.MaxValue
            || !reader.TryReadUInt32(out uint checksum) || !reader.AtEnd)
            return false;
        ConfigurationEntry entry = new(new LogIndex(configurationIndex), configuration);
        snapshot = new StoredSnapshot(new SnapshotMeta(new LogIndex(index), new Term(term), entry), (long)length, checksum);
        return true;
    }

    private static CorruptionException Damaged(IFile file, long offset) =>
        new(file.Path, offset, "the end of a snapshot with its checksum", "other bytes");
}
