using System.Buffers;
using Nori.Core;
using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Types;

namespace NoriKV.Node.Formation;

/// <summary>
/// What a data directory knows of its cluster: the file <c>cluster</c>, replaced whole. Says who this node is and, as a hint,
/// where the others are; where shards began is part of it, where they are is not: that is the meta group's.
/// <code>
/// magic "NORICLU\0" | format u8 = 1
/// cluster id 16 bytes | this node's number u64
/// settings: total shards u32 | hash tags u8 | replication factor u8
/// nodes: count varint, each: number u64, name, store uuid 16 bytes (zeros: not known), address, zone
/// founding proposal: length varint (0: this node did not found the cluster), bytes
/// CRC-32C u32 of everything before it
/// </code>
/// </summary>
public sealed record ClusterRecord
{
    /// <summary>The file's name.</summary>
    public const string FileName = "cluster";

    private const byte Format = 1;
    private const int NodesMax = 4096;

    private static ReadOnlySpan<byte> Magic => "NORICLU\0"u8;

    /// <summary>The cluster's id.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>This node's number.</summary>
    public required NodeNumber Self { get; init; }

    /// <summary>What the cluster was formed with.</summary>
    public required FormationSettings Settings { get; init; }

    /// <summary>Every node known, this one included.</summary>
    public required IReadOnlyList<PlannedNode> Nodes { get; init; }

    /// <summary>What this node founded the cluster with; null where it joined.</summary>
    public FormationProposal? Founding { get; init; }

    /// <summary>The record of a founder.</summary>
    public static ClusterRecord Of(FormationProposal proposal, Guid storeUuid) => new()
    {
        ClusterId = proposal.ClusterId,
        Self = proposal.NumberOf(storeUuid),
        Settings = proposal.Settings,
        Nodes =
        [
            .. proposal.Members.Select(static (m, i) => new PlannedNode(new NodeNumber((ulong)i + 1), m.Name, m.Address)
            {
                Zone = m.Zone,
                StoreUuid = m.StoreUuid,
            }),
        ],
        Founding = proposal,
    };

    /// <summary>
    /// What the node starts with. A founder's replicas begin as proposed, one that joined begins with none.
    /// </summary>
    public ClusterPlan ToPlan() => new()
    {
        Self = Self,
        ClusterId = ClusterId,
        StoreUuid = Nodes.FirstOrDefault(n => n.Number == Self)?.StoreUuid ?? default,
        ReplicationFactor = Settings.ReplicationFactor,
        Nodes = Nodes,
        Replicas = Founding is { } founding ? founding.ReplicasOf : static _ => [],
    };

    /// <summary>Reads the file; null where there is none.</summary>
    /// <exception cref="CorruptionException">It is damaged.</exception>
    public static ClusterRecord? Load(IFileSystem files, string directory) =>
        FramedFile.Load(files, directory, FileName, "a node's cluster record", TryDecode);

    /// <summary>Replaces the file; durable when it returns.</summary>
    public void Save(IFileSystem files, string directory) => FramedFile.Save(files, directory, FileName, Encode());

    internal byte[] Encode() => FramedFile.Encode(Magic, Format, writer =>
    {
        writer.WriteGuid(ClusterId);
        writer.WriteUInt64(Self.Value);
        writer.WriteSettings(Settings);
        writer.WriteVarint((ulong)Nodes.Count);
        foreach (PlannedNode node in Nodes) WriteNode(writer, node);
        writer.WriteLengthPrefixed(Founding?.Encode() ?? []);
    });

    internal static ClusterRecord? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (!FramedFile.TryOpen(bytes, Magic, Format, out SpanReader reader)) return null;
        if (!reader.TryReadGuid(out Guid id) || !reader.TryReadUInt64(out ulong self)) return null;
        if (!reader.TryReadSettings(out FormationSettings settings)) return null;
        if (!reader.TryReadVarintInt32(out int count) || count is <= 0 or > NodesMax) return null;
        var nodes = new List<PlannedNode>();
        for (int i = 0; i < count; i++)
        {
            if (!TryReadNode(ref reader, out PlannedNode? node)) return null;
            nodes.Add(node!);
        }

        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> founding) || !reader.AtEnd) return null;
        FormationProposal? proposal = founding.IsEmpty ? null : FormationProposal.TryDecode(founding);
        if (proposal is null != founding.IsEmpty) return null;
        return new ClusterRecord
        {
            ClusterId = id,
            Self = new NodeNumber(self),
            Settings = settings,
            Nodes = nodes,
            Founding = proposal,
        };
    }

    internal static void WriteNode(IBufferWriter<byte> writer, PlannedNode node)
    {
        writer.WriteUInt64(node.Number.Value);
        writer.WriteText(node.Name);
        writer.WriteGuid(node.StoreUuid);
        writer.WriteText(node.Address);
        writer.WriteText(node.Zone);
    }

    internal static bool TryReadNode(ref SpanReader reader, out PlannedNode? node)
    {
        node = null;
        if (!reader.TryReadUInt64(out ulong number) || number == 0) return false;
        if (!reader.TryReadText(out string name) || !NodeName.IsValid(name)) return false;
        if (!reader.TryReadGuid(out Guid store)) return false;
        if (!reader.TryReadText(out string address) || !reader.TryReadText(out string zone)) return false;
        node = new PlannedNode(new NodeNumber(number), name, address) { Zone = zone, StoreUuid = store };
        return true;
    }
}
