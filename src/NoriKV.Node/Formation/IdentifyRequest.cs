using System.Buffers;
using Nori.Core;

namespace NoriKV.Node.Formation;

/// <summary>
/// "Who are you? I am this one." What a node asks its seeds before it has a cluster.
/// <code>
/// format u8 = 1 | lowest protocol u16 | highest protocol u16 | cluster name
/// expected founders u8 (0: forms none) | the node: name, store uuid 16 bytes, address, zone
/// settings: total shards u32 | hash tags u8 | replication factor u8
/// </code>
/// </summary>
/// <param name="Node">Who asks.</param>
/// <param name="ClusterName">The name it was configured with.</param>
/// <param name="Expect">Founders that it waits for; 0 where it wants to join.</param>
/// <param name="Settings">What it was configured with.</param>
/// <param name="ProtocolMin">The lowest protocol between nodes that it speaks.</param>
/// <param name="ProtocolMax">The highest.</param>
public sealed record IdentifyRequest(
    FormationMember Node, string ClusterName, int Expect, FormationSettings Settings, ushort ProtocolMin,
    ushort ProtocolMax)
{
    private const byte Format = 1;

    /// <summary>Its bytes.</summary>
    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>();
        writer.WriteByte(Format);
        WriteTo(writer);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a request; null for bytes that are none.</summary>
    public static IdentifyRequest? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        return TryRead(ref reader, out IdentifyRequest? request) && reader.AtEnd ? request : null;
    }

    internal void WriteTo(IBufferWriter<byte> writer)
    {
        writer.WriteUInt16(ProtocolMin);
        writer.WriteUInt16(ProtocolMax);
        writer.WriteText(ClusterName);
        writer.WriteByte((byte)Expect);
        writer.WriteMember(Node);
        writer.WriteSettings(Settings);
    }

    internal static bool TryRead(ref SpanReader reader, out IdentifyRequest? request)
    {
        request = null;
        if (!reader.TryReadUInt16(out ushort min) || !reader.TryReadUInt16(out ushort max) || min > max) return false;
        if (!reader.TryReadText(out string cluster)) return false;
        if (!reader.TryReadByte(out byte expect) || expect > FormationProposal.FoundersMax) return false;
        if (!reader.TryReadMember(out FormationMember node)) return false;
        if (!reader.TryReadSettings(out FormationSettings settings)) return false;
        request = new IdentifyRequest(node, cluster, expect, settings, min, max);
        return true;
    }
}
