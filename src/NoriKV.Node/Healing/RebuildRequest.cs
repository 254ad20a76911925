using System.Buffers;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>
/// What a replica asks of its leader (docs/formats/heal-messages.md):
/// <code>
/// format u8 = 1 | shard varint | replica varint | the index it must cover varint
/// </code>
/// </summary>
internal readonly record struct RebuildRequest(ShardId Shard, ReplicaId Replica, LogIndex AtLeast)
{
    private const byte Format = 1;

    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>(32);
        writer.WriteByte(Format);
        writer.WriteVarint(Shard.Value);
        writer.WriteVarint(Replica.Value);
        writer.WriteVarint(AtLeast.Value);
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecode(ReadOnlySpan<byte> bytes, out RebuildRequest request)
    {
        request = default;
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadVarint(out ulong shard) || shard > uint.MaxValue || !reader.TryReadVarint(out ulong replica)) return false;
        if (!reader.TryReadVarint(out ulong index) || !reader.AtEnd) return false;
        request = new RebuildRequest(new ShardId((uint)shard), new ReplicaId(replica), new LogIndex(index));
        return true;
    }
}
