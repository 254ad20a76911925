using System.Buffers;
using Nori.Core;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node.Formation;

/// <summary>
/// A cluster that is to be: id, settings, founders, and where every shard's replicas begin. It holds the assignment itself, not
/// the rule: founders of different versions must not compute different ones.
/// <code>
/// format u8 = 1 | cluster id 16 bytes
/// settings: total shards u32 | hash tags u8 | replication factor u8
/// founders u8, each: name, store uuid 16 bytes, address, zone    (texts: length varint, UTF-8)
/// each shard, the meta group last: replicas u8, each: founder u8 (0 for the first)
/// </code>
/// </summary>
public sealed class FormationProposal
{
    /// <summary>Most founders.</summary>
    public const int FoundersMax = 99;

    /// <summary>Most replicas of a shard: ids of a shard's first replicas are its number times 8, and up.</summary>
    public const int ReplicasMax = 7;

    private const byte Format = 1;
    private const int MetaReplicas = 5;
    private readonly byte[][] _replicas;

    private FormationProposal(Guid clusterId, FormationSettings settings, FormationMember[] members, byte[][] replicas)
    {
        (ClusterId, Settings, Members, _replicas) = (clusterId, settings, members, replicas);
    }

    /// <summary>The id the cluster will have: random, so never that of another proposal.</summary>
    public Guid ClusterId { get; }

    /// <summary>What it is formed with.</summary>
    public FormationSettings Settings { get; }

    /// <summary>The founders, sorted by name; the first is the proposer. Numbers are 1 and up in this order.</summary>
    public IReadOnlyList<FormationMember> Members { get; }

    /// <summary>Who proposes: the founder with the smallest name.</summary>
    public FormationMember Proposer => Members[0];

    /// <summary>Makes a proposal, with the first assignment.</summary>
    /// <param name="clusterId">Never used before.</param>
    /// <param name="settings">The cluster's.</param>
    /// <param name="members">The founders; 1 to 99 with different names.</param>
    public static FormationProposal Create(
        Guid clusterId, FormationSettings settings, IEnumerable<FormationMember> members)
    {
        FormationMember[] sorted = [.. members.OrderBy(static m => m.Name, StringComparer.Ordinal)];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sorted.Length, FoundersMax, nameof(members));
        PlacementNode[] nodes = [.. sorted.Select(
            static (m, i) => new PlacementNode(new NodeNumber((ulong)i + 1), m.Name, m.Zone))];
        IReadOnlyList<ShardAssignment> shards =
            PlacementPlanner.FirstAssignment(settings.TotalShards, settings.ReplicationFactor, nodes);
        // The meta group lies where a shard behind the last would, on up to five nodes.
        ShardAssignment meta = PlacementPlanner.FirstAssignment(1, MetaReplicas, nodes)[0];
        byte[][] replicas = [.. shards.Append(meta).Select(
            static s => s.Replicas.Select(static n => (byte)(n.Value - 1)).ToArray())];
        return new FormationProposal(clusterId, settings, sorted, replicas);
    }

    /// <summary>The number of a founder; 0 for others.</summary>
    public NodeNumber NumberOf(Guid storeUuid)
    {
        for (int i = 0; i < Members.Count; i++)
        {
            if (Members[i].StoreUuid == storeUuid) return new NodeNumber((ulong)i + 1);
        }

        return default;
    }

    /// <summary>
    /// The replicas that a shard begins with; shard number <see cref="FormationSettings.TotalShards"/> is the meta group.
    /// </summary>
    public IReadOnlyList<PlannedReplica> ReplicasOf(ShardId shard)
    {
        if (shard.Value >= (uint)_replicas.Length) return [];
        byte[] founders = _replicas[shard.Value];
        return [.. founders.Select((founder, k) => new PlannedReplica(
            new ReplicaId(((ulong)shard.Value * 8) + (ulong)k + 1), new NodeNumber(founder + 1UL), IsLearner: false))];
    }

    /// <summary>Its bytes.</summary>
    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>();
        writer.WriteByte(Format);
        writer.WriteGuid(ClusterId);
        writer.WriteSettings(Settings);
        writer.WriteByte((byte)Members.Count);
        foreach (FormationMember member in Members) writer.WriteMember(member);
        foreach (byte[] founders in _replicas)
        {
            writer.WriteByte((byte)founders.Length);
            writer.Write(founders);
        }

        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a proposal; null for bytes that are none.</summary>
    public static FormationProposal? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadGuid(out Guid id) || id == Guid.Empty || !reader.TryReadSettings(out FormationSettings settings)) return null;
        if (!reader.TryReadByte(out byte count) || count is 0 or > FoundersMax) return null;
        var members = new FormationMember[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadMember(out members[i])) return null;
            if (i > 0 && string.CompareOrdinal(members[i - 1].Name, members[i].Name) >= 0) return null;
        }

        if (members.Select(static m => m.StoreUuid).Distinct().Count() != count) return null;
        // Each shard takes two bytes at least: what is claimed is there before it is allocated.
        if (reader.Remaining.Length < 2L * (settings.TotalShards + 1)) return null;
        byte[][] replicas = new byte[settings.TotalShards + 1][];
        for (int shard = 0; shard < replicas.Length; shard++)
        {
            if (!TryReadReplicas(ref reader, count, out replicas[shard])) return null;
        }

        return reader.AtEnd ? new FormationProposal(id, settings, members, replicas) : null;
    }

    private static bool TryReadReplicas(ref SpanReader reader, int members, out byte[] founders)
    {
        founders = [];
        if (!reader.TryReadByte(out byte count) || count is 0 or > ReplicasMax) return false;
        if (!reader.TryReadBytes(count, out ReadOnlySpan<byte> bytes)) return false;
        founders = bytes.ToArray();
        foreach (byte founder in founders)
        {
            if (founder >= members || bytes.Count(founder) > 1) return false;
        }

        return true;
    }
}
