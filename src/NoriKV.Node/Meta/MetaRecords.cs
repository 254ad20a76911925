using System.Buffers;
using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Formation;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// The records of the meta group, pairs of an ordinary shard (docs/formats/meta-records.md). Values, format 1; numbers are
/// varints unless a width is given, words have their length before them:
/// <code>
/// settings  1                       format u8 | cluster id 16 bytes | total shards | hash tags u8 | configured factor
///                                   | effective factor | meta factor | cluster version
/// counters  2                       format u8 | next node | next replica | view epochs
/// node      3 | number u64 BE       format u8 | name | store uuid 16 bytes | address | zone | state u8 | joined (unix ms)
/// shard     4 | shard u32 BE        format u8 | count | count × (replica id, node, role u8)
/// </code>
/// </summary>
internal static class MetaRecords
{
    // Part of the format.
    public const byte SettingsKind = 1;
    public const byte CountersKind = 2;
    public const byte NodeKind = 3;
    public const byte ShardKind = 4;
    private const byte Format = 1;
    private const int ReplicasMax = 64;

    public static byte[] SettingsKey { get; } = [SettingsKind];

    public static byte[] CountersKey { get; } = [CountersKind];

    public static byte[] NodeKey(NodeNumber node)
    {
        byte[] key = new byte[9];
        key[0] = NodeKind;
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(1), node.Value);
        return key;
    }

    public static byte[] ShardKey(ShardId shard)
    {
        byte[] key = new byte[5];
        key[0] = ShardKind;
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(1), shard.Value);
        return key;
    }

    public static byte[] Encode(MetaSettings settings)
    {
        ArrayBufferWriter<byte> writer = Begin();
        writer.WriteGuid(settings.ClusterId);
        writer.WriteVarint((ulong)settings.TotalShards);
        writer.WriteByte(settings.HashTags ? (byte)1 : (byte)0);
        writer.WriteVarint((ulong)settings.ReplicationFactor);
        writer.WriteVarint((ulong)settings.EffectiveFactor);
        writer.WriteVarint((ulong)settings.MetaFactor);
        writer.WriteVarint((ulong)settings.ClusterVersion);
        return writer.WrittenSpan.ToArray();
    }

    public static MetaSettings? TryDecodeSettings(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader) || !reader.TryReadGuid(out Guid cluster)) return null;
        if (!reader.TryReadVarintInt32(out int shards) || !reader.TryReadByte(out byte tags) || tags > 1) return null;
        if (!reader.TryReadVarintInt32(out int factor) || !reader.TryReadVarintInt32(out int effective)) return null;
        if (!reader.TryReadVarintInt32(out int meta) || !reader.TryReadVarintInt32(out int version)) return null;
        return reader.AtEnd
            ? new MetaSettings(cluster, shards, tags == 1, factor, effective, meta, version)
            : null;
    }

    public static byte[] Encode(MetaCounters counters)
    {
        ArrayBufferWriter<byte> writer = Begin();
        writer.WriteVarint(counters.NextNode);
        writer.WriteVarint(counters.NextReplica);
        writer.WriteVarint(counters.ViewEpochs);
        return writer.WrittenSpan.ToArray();
    }

    public static MetaCounters? TryDecodeCounters(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader) || !reader.TryReadVarint(out ulong node)) return null;
        if (!reader.TryReadVarint(out ulong replica) || !reader.TryReadVarint(out ulong epochs)) return null;
        return reader.AtEnd ? new MetaCounters(node, replica, epochs) : null;
    }

    public static byte[] Encode(RegisteredNode node)
    {
        ArrayBufferWriter<byte> writer = Begin();
        writer.WriteText(node.Name);
        writer.WriteGuid(node.StoreUuid);
        writer.WriteText(node.Address);
        writer.WriteText(node.Zone);
        writer.WriteByte((byte)node.State);
        writer.WriteVarint((ulong)node.JoinedUnixMs);
        return writer.WrittenSpan.ToArray();
    }

    public static RegisteredNode? TryDecodeNode(ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes)
    {
        if (key.Length != 9) return null;
        ulong number = BinaryPrimitives.ReadUInt64BigEndian(key[1..]);
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader) || number == 0) return null;
        if (!reader.TryReadText(out string name) || !NodeName.IsValid(name)) return null;
        if (!reader.TryReadGuid(out Guid store) || !reader.TryReadText(out string address)) return null;
        if (!reader.TryReadText(out string zone) || !reader.TryReadByte(out byte state)) return null;
        if (!reader.TryReadVarint(out ulong joined) || joined > long.MaxValue || !reader.AtEnd) return null;
        if (!Enum.IsDefined((RegisteredState)state)) return null;
        return new RegisteredNode(
            new NodeNumber(number), name, store, address, zone, (RegisteredState)state, (long)joined);
    }

    public static byte[] Encode(MetaShard shard)
    {
        ArrayBufferWriter<byte> writer = Begin();
        writer.WriteVarint((ulong)shard.Replicas.Count);
        foreach (MetaReplica replica in shard.Replicas)
        {
            writer.WriteVarint(replica.Id.Value);
            writer.WriteVarint(replica.Node.Value);
            writer.WriteByte((byte)replica.Role);
        }

        return writer.WrittenSpan.ToArray();
    }

    public static MetaShard? TryDecodeShard(ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes)
    {
        if (key.Length != 5) return null;
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader) || !reader.TryReadVarintInt32(out int count) || count is 0 or > ReplicasMax) return null;
        var replicas = new MetaReplica[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong id) || id == 0) return null;
            if (!reader.TryReadVarint(out ulong node) || node == 0) return null;
            if (!reader.TryReadByte(out byte role) || !Enum.IsDefined((MetaRole)role)) return null;
            replicas[i] = new MetaReplica(new ReplicaId(id), new NodeNumber(node), (MetaRole)role);
        }

        return reader.AtEnd ? new MetaShard(new ShardId(BinaryPrimitives.ReadUInt32BigEndian(key[1..])), replicas) : null;
    }

    private static ArrayBufferWriter<byte> Begin()
    {
        var writer = new ArrayBufferWriter<byte>(64);
        writer.WriteByte(Format);
        return writer;
    }

    private static bool TryBegin(ref SpanReader reader) => reader.TryReadByte(out byte format) && format == Format;
}
