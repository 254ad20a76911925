using System.Buffers;
using Nori.Core;
using NoriKV.Node.Formation;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// What changed of the map between two revisions, or all of it (docs/formats/meta-messages.md):
/// <code>
/// format u8 = 1 | from revision | to revision | next replica | shards in all
/// nodes: count, each: number | name | store uuid 16 bytes | address | zone | state u8 | joined
/// shards: count, each: number | count | count × (replica id | node | learner u8)
/// </code>
/// </summary>
internal static class ClusterMapUpdate
{
    private const byte Format = 1;
    private const int ShardsMax = Placement.KeyHash.TotalShardsMax + 1;
    private const int NodesMax = 1 << 16;
    private const int ReplicasMax = 64;

    /// <summary>What changed in the registry behind a revision; everything behind 0.</summary>
    public static byte[] Encode(MetaState state, ulong from)
    {
        var nodes = new List<RegisteredNode>();
        for (int i = 0; i < state.Nodes.Count; i++)
        {
            if (from == 0 || state.NodeVersions[i].Index > from) nodes.Add(state.Nodes[i]);
        }

        var shards = new List<(int Shard, IReadOnlyList<PlannedReplica> Replicas)>();
        for (int i = 0; i < state.Shards.Count; i++)
        {
            if (from == 0 || state.ShardVersions[i].Index > from) shards.Add((i, MetaState.ToPlanned(state.Shards[i])));
        }

        return Encode(from, state.Revision, state.Counters.NextReplica, state.Shards.Count, nodes, shards);
    }

    /// <summary>All of a map.</summary>
    public static byte[] Encode(ClusterMap map) => Encode(
        0, map.Revision, map.NextReplica, map.Shards.Count, map.Nodes, [.. map.Shards.Select(static (r, i) => (i, r))]);

    /// <summary>The map behind the update; the same one where it is no news; null for bytes that are none, or do not fit.</summary>
    public static ClusterMap? TryApply(ClusterMap current, ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadVarint(out ulong from) || !reader.TryReadVarint(out ulong to)) return null;
        if (!reader.TryReadVarint(out ulong nextReplica)) return null;
        if (!reader.TryReadVarintInt32(out int total) || total > ShardsMax) return null;
        if (from > current.Revision) return null;
        if (to <= current.Revision) return current;
        var nodes = new SortedDictionary<NodeNumber, RegisteredNode>();
        if (from != 0)
        {
            if (total != current.Shards.Count) return null;
            foreach (RegisteredNode node in current.Nodes) nodes[node.Number] = node;
        }

        if (!reader.TryReadVarintInt32(out int count) || count > NodesMax) return null;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadNode(ref reader, out RegisteredNode? node)) return null;
            nodes[node!.Number] = node;
        }

        IReadOnlyList<PlannedReplica>[] shards = from == 0 ? new IReadOnlyList<PlannedReplica>[total] : [.. current.Shards];
        if (!reader.TryReadVarintInt32(out count) || count > total || (from == 0 && count != total)) return null;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int shard) || shard >= total || (from == 0 && shard != i)) return null;
            if (!TryReadReplicas(ref reader, out PlannedReplica[] replicas)) return null;
            shards[shard] = replicas;
        }

        return reader.AtEnd
            ? new ClusterMap { Revision = to, NextReplica = nextReplica, Nodes = [.. nodes.Values], Shards = shards }
            : null;
    }

    private static byte[] Encode(
        ulong from, ulong to, ulong nextReplica, int total, IReadOnlyList<RegisteredNode> nodes,
        IReadOnlyList<(int Shard, IReadOnlyList<PlannedReplica> Replicas)> shards)
    {
        var writer = new ArrayBufferWriter<byte>(256);
        writer.WriteByte(Format);
        writer.WriteVarint(from);
        writer.WriteVarint(to);
        writer.WriteVarint(nextReplica);
        writer.WriteVarint((ulong)total);
        writer.WriteVarint((ulong)nodes.Count);
        foreach (RegisteredNode node in nodes) WriteNode(writer, node);
        writer.WriteVarint((ulong)shards.Count);
        foreach ((int shard, IReadOnlyList<PlannedReplica> replicas) in shards)
        {
            writer.WriteVarint((ulong)shard);
            WriteReplicas(writer, replicas);
        }

        return writer.WrittenSpan.ToArray();
    }

    internal static void WriteNode(IBufferWriter<byte> writer, RegisteredNode node)
    {
        writer.WriteVarint(node.Number.Value);
        writer.WriteText(node.Name);
        writer.WriteGuid(node.StoreUuid);
        writer.WriteText(node.Address);
        writer.WriteText(node.Zone);
        writer.WriteByte((byte)node.State);
        writer.WriteVarint((ulong)node.JoinedUnixMs);
    }

    internal static bool TryReadNode(ref SpanReader reader, out RegisteredNode? node)
    {
        node = null;
        if (!reader.TryReadVarint(out ulong number) || number == 0) return false;
        if (!reader.TryReadText(out string name) || !NodeName.IsValid(name)) return false;
        if (!reader.TryReadGuid(out Guid store) || !reader.TryReadText(out string address)) return false;
        if (!reader.TryReadText(out string zone) || !reader.TryReadByte(out byte state)) return false;
        if (!Enum.IsDefined((RegisteredState)state)) return false;
        if (!reader.TryReadVarint(out ulong joined) || joined > long.MaxValue) return false;
        node = new RegisteredNode(
            new NodeNumber(number), name, store, address, zone, (RegisteredState)state, (long)joined);
        return true;
    }

    internal static void WriteReplicas(IBufferWriter<byte> writer, IReadOnlyList<PlannedReplica> replicas)
    {
        writer.WriteVarint((ulong)replicas.Count);
        foreach (PlannedReplica replica in replicas)
        {
            writer.WriteVarint(replica.Id.Value);
            writer.WriteVarint(replica.Node.Value);
            writer.WriteByte(replica.IsLearner ? (byte)1 : (byte)0);
        }
    }

    internal static bool TryReadReplicas(ref SpanReader reader, out PlannedReplica[] replicas)
    {
        replicas = [];
        if (!reader.TryReadVarintInt32(out int count) || count > ReplicasMax) return false;
        replicas = new PlannedReplica[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong id) || id == 0) return false;
            if (!reader.TryReadVarint(out ulong node) || node == 0) return false;
            if (!reader.TryReadByte(out byte learner) || learner > 1) return false;
            replicas[i] = new PlannedReplica(new ReplicaId(id), new NodeNumber(node), learner == 1);
        }

        return true;
    }
}
