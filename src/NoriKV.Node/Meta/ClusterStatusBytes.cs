using System.Buffers;
using Nori.Core;
using NoriKV.Node.Formation;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// The answer to an <see cref="AdminCommand"/> (docs/formats/meta-messages.md):
/// <code>
/// format u8 = 1 | code u8, 0 done | words | status, where it was done:
/// cluster id 16 bytes | total shards | factor | effective factor | cluster version | meta leader | view epoch
/// | moves in flight | moves wanted
/// | nodes: count, each: node (as in a map) | replicas | leaders | live u8 | silence in ms
/// | shards: count, each: number | replicas (as in a map) | leader | term | move in words
/// </code>
/// </summary>
internal static class ClusterStatusBytes
{
    private const byte Format = 1;
    private const int NodesMax = 1 << 16;
    private const int ShardsMax = Placement.KeyHash.TotalShardsMax + 1;

    public static byte[] Encode(KvResult<ClusterStatus> result)
    {
        var writer = new ArrayBufferWriter<byte>(1024);
        writer.WriteByte(Format);
        writer.WriteByte(result.Error is null ? (byte)0 : (byte)result.Error.Code);
        writer.WriteText(result.Error?.Message ?? "");
        if (result.Error is not null) return writer.WrittenSpan.ToArray();
        ClusterStatus status = result.Value;
        writer.WriteGuid(status.ClusterId);
        writer.WriteVarint((ulong)status.TotalShards);
        writer.WriteVarint((ulong)status.ReplicationFactor);
        writer.WriteVarint((ulong)status.EffectiveReplicationFactor);
        writer.WriteVarint((ulong)status.ClusterVersion);
        writer.WriteVarint(status.MetaLeader.Value);
        writer.WriteVarint(status.ViewEpoch);
        writer.WriteVarint((ulong)status.MovesInFlight);
        writer.WriteVarint((ulong)status.MovesWanted);
        writer.WriteVarint((ulong)status.Nodes.Count);
        foreach (NodeStatus node in status.Nodes)
        {
            ClusterMapUpdate.WriteNode(writer, node.Node);
            writer.WriteVarint((ulong)node.Replicas);
            writer.WriteVarint((ulong)node.Leaders);
            writer.WriteByte(node.IsLive ? (byte)1 : (byte)0);
            writer.WriteVarint((ulong)node.SilentMs);
        }

        writer.WriteVarint((ulong)status.Shards.Count);
        foreach (ShardStatus shard in status.Shards)
        {
            writer.WriteVarint(shard.Shard.Value);
            ClusterMapUpdate.WriteReplicas(writer, shard.Replicas);
            writer.WriteVarint(shard.Leader.Value);
            writer.WriteVarint(shard.Term.Value);
            writer.WriteText(shard.Move ?? "");
        }

        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecode(ReadOnlySpan<byte> bytes, out KvResult<ClusterStatus> result)
    {
        result = default;
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte code)) return false;
        if (!Enum.IsDefined((KvCode)code) || !reader.TryReadText(out string words)) return false;
        if (code != 0)
        {
            result = new KvError((KvCode)code, words);
            return reader.AtEnd;
        }

        if (!reader.TryReadGuid(out Guid cluster)) return false;
        Span<ulong> fields = stackalloc ulong[8];
        for (int i = 0; i < fields.Length; i++)
        {
            if (!reader.TryReadVarint(out fields[i])) return false;
        }

        if (!TryReadNodes(ref reader, out List<NodeStatus> nodes)) return false;
        if (!TryReadShards(ref reader, out List<ShardStatus> shards) || !reader.AtEnd) return false;
        result = new ClusterStatus
        {
            ClusterId = cluster,
            TotalShards = (int)fields[0],
            ReplicationFactor = (int)fields[1],
            EffectiveReplicationFactor = (int)fields[2],
            ClusterVersion = (int)fields[3],
            MetaLeader = new NodeNumber(fields[4]),
            ViewEpoch = fields[5],
            MovesInFlight = (int)fields[6],
            MovesWanted = (int)fields[7],
            Nodes = nodes,
            Shards = shards,
        };
        return true;
    }

    private static bool TryReadNodes(ref SpanReader reader, out List<NodeStatus> nodes)
    {
        nodes = [];
        if (!reader.TryReadVarintInt32(out int count) || count > NodesMax) return false;
        for (int i = 0; i < count; i++)
        {
            if (!ClusterMapUpdate.TryReadNode(ref reader, out RegisteredNode? node)) return false;
            if (!reader.TryReadVarintInt32(out int replicas) || !reader.TryReadVarintInt32(out int leaders)) return false;
            if (!reader.TryReadByte(out byte live) || live > 1) return false;
            if (!reader.TryReadVarint(out ulong silent) || silent > long.MaxValue) return false;
            nodes.Add(new NodeStatus(node!, replicas, leaders, live == 1, (long)silent));
        }

        return true;
    }

    private static bool TryReadShards(ref SpanReader reader, out List<ShardStatus> shards)
    {
        shards = [];
        if (!reader.TryReadVarintInt32(out int count) || count > ShardsMax) return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int shard)) return false;
            if (!ClusterMapUpdate.TryReadReplicas(ref reader, out PlannedReplica[] replicas)) return false;
            if (!reader.TryReadVarint(out ulong leader) || !reader.TryReadVarint(out ulong term)) return false;
            if (!reader.TryReadText(out string move)) return false;
            shards.Add(new ShardStatus(
                new ShardId((uint)shard), replicas, new NodeNumber(leader), new Term(term), move.Length == 0 ? null : move));
        }

        return true;
    }
}
