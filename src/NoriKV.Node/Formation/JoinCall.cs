using System.Buffers;
using Nori.Core;
using NoriKV.Node.Meta;

namespace NoriKV.Node.Formation;

/// <summary>
/// A <see cref="JoinRequest"/> on the wire, with what any node of the cluster can judge.
/// <code>
/// format u8 = 1 | lowest protocol u16 | highest protocol u16 | cluster name
/// the node: name, store uuid 16 bytes, address, zone | its settings: total shards u32 | hash tags u8 | replication factor u8
/// </code>
/// </summary>
/// <param name="Node">Who asks.</param>
/// <param name="ClusterName">The name it was configured with.</param>
/// <param name="Settings">What it was configured with; the cluster's win, hash tags must match.</param>
/// <param name="ProtocolMin">The lowest protocol between nodes that it speaks.</param>
/// <param name="ProtocolMax">The highest.</param>
public sealed record JoinCall(
    FormationMember Node, string ClusterName, FormationSettings Settings, ushort ProtocolMin, ushort ProtocolMax)
{
    private const byte Format = 1;

    /// <summary>What the registry is asked.</summary>
    public JoinRequest ToRequest() => new()
    {
        Name = Node.Name,
        StoreUuid = Node.StoreUuid,
        Address = Node.Address,
        Zone = Node.Zone,
        TotalShards = Settings.TotalShards,
        ProtocolMin = ProtocolMin,
        ProtocolMax = ProtocolMax,
    };

    /// <summary>Its bytes.</summary>
    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>();
        writer.WriteByte(Format);
        writer.WriteUInt16(ProtocolMin);
        writer.WriteUInt16(ProtocolMax);
        writer.WriteText(ClusterName);
        writer.WriteMember(Node);
        writer.WriteSettings(Settings);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a call; null for bytes that are none.</summary>
    public static JoinCall? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadUInt16(out ushort min) || !reader.TryReadUInt16(out ushort max) || min > max) return null;
        if (!reader.TryReadText(out string cluster) || !reader.TryReadMember(out FormationMember node)) return null;
        if (!reader.TryReadSettings(out FormationSettings settings) || !reader.AtEnd) return null;
        return new JoinCall(node, cluster, settings, min, max);
    }
}
