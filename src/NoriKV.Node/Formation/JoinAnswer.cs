using System.Buffers;
using System.Text;
using Nori.Core;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node.Formation;

/// <summary>
/// A <see cref="JoinReply"/> on the wire.
/// <code>
/// format u8 = 1 | outcome u8: 0 a member, 1 refused, 2 not now
/// 1, 2: words
/// 0: cluster id 16 bytes | number u64 | settings: total shards u32 | hash tags u8 | replication factor u8
///    nodes: count varint, each: number u64, name, store uuid 16 bytes, address, zone
/// </code>
/// </summary>
public static class JoinAnswer
{
    private const byte Format = 1;
    private const int NodesMax = 4096;

    /// <summary>A refusal for now.</summary>
    public static JoinReply NotNow(string why) => new() { Refusal = why, MayRetry = true };

    /// <summary>A refusal for good, in words that say what to do.</summary>
    public static JoinReply Refused(string why) => new() { Refusal = why };

    /// <summary>Its bytes.</summary>
    public static byte[] Encode(JoinReply reply)
    {
        var writer = new ArrayBufferWriter<byte>();
        writer.WriteByte(Format);
        writer.WriteByte(reply.Refusal is null ? (byte)0 : reply.MayRetry ? (byte)2 : (byte)1);
        if (reply.Refusal is { } why)
        {
            writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(why));
            return writer.WrittenSpan.ToArray();
        }

        writer.WriteGuid(reply.ClusterId);
        writer.WriteUInt64(reply.Number.Value);
        writer.WriteSettings(new FormationSettings(reply.TotalShards, reply.HashTags, reply.ReplicationFactor));
        writer.WriteVarint((ulong)reply.Nodes.Count);
        foreach (PlannedNode node in reply.Nodes) ClusterRecord.WriteNode(writer, node);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a reply; null for bytes that are none.</summary>
    public static JoinReply? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadByte(out byte outcome) || outcome > 2) return null;
        if (outcome != 0)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> why) || !reader.AtEnd) return null;
            return new JoinReply { Refusal = Encoding.UTF8.GetString(why), MayRetry = outcome == 2 };
        }

        if (!reader.TryReadGuid(out Guid id) || id == Guid.Empty) return null;
        if (!reader.TryReadUInt64(out ulong number) || number == 0) return null;
        if (!reader.TryReadSettings(out FormationSettings settings)) return null;
        if (!reader.TryReadVarintInt32(out int count) || count is <= 0 or > NodesMax) return null;
        var nodes = new List<PlannedNode>();
        for (int i = 0; i < count; i++)
        {
            if (!ClusterRecord.TryReadNode(ref reader, out PlannedNode? node)) return null;
            nodes.Add(node!);
        }

        if (!reader.AtEnd || !nodes.Exists(n => n.Number.Value == number)) return null;
        return new JoinReply
        {
            ClusterId = id,
            Number = new NodeNumber(number),
            TotalShards = settings.TotalShards,
            HashTags = settings.HashTags,
            ReplicationFactor = settings.ReplicationFactor,
            Nodes = nodes,
        };
    }
}
