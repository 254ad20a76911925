using System.Buffers;
using Nori.Core;

namespace NoriKV.Node.Formation;

/// <summary>
/// Who a node is, whether it has a cluster, and whom else it heard of.
/// <code>
/// format u8 = 1 | who it is, as in the request
/// cluster id 16 bytes (zeros: none) | sighted cluster 16 bytes | held proposal 16 bytes | its proposer's name (empty: none)
/// addresses: count varint, each: text
/// </code>
/// </summary>
public sealed record IdentifyReply
{
    /// <summary>Most addresses passed on.</summary>
    public const int KnownMax = 256;

    private const byte Format = 1;

    /// <summary>Who it is, as it would say of itself.</summary>
    public required IdentifyRequest Self { get; init; }

    /// <summary>The cluster that it belongs to; empty for none.</summary>
    public Guid ClusterId { get; init; }

    /// <summary>A cluster that one of its own seeds belongs to; empty for none.</summary>
    public Guid Sighted { get; init; }

    /// <summary>The proposal that it accepted; empty for none.</summary>
    public Guid Held { get; init; }

    /// <summary>Whose proposal that is.</summary>
    public string HeldBy { get; init; } = "";

    /// <summary>Addresses of nodes without a cluster that it heard of.</summary>
    public IReadOnlyList<string> Known { get; init; } = [];

    /// <summary>Its bytes.</summary>
    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>();
        writer.WriteByte(Format);
        Self.WriteTo(writer);
        writer.WriteGuid(ClusterId);
        writer.WriteGuid(Sighted);
        writer.WriteGuid(Held);
        writer.WriteText(HeldBy);
        writer.WriteVarint((ulong)Math.Min(Known.Count, KnownMax));
        foreach (string address in Known.Take(KnownMax)) writer.WriteText(address);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a reply; null for bytes that are none.</summary>
    public static IdentifyReply? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!IdentifyRequest.TryRead(ref reader, out IdentifyRequest? self)) return null;
        if (!reader.TryReadGuid(out Guid cluster) || !reader.TryReadGuid(out Guid sighted)) return null;
        if (!reader.TryReadGuid(out Guid held) || !reader.TryReadText(out string heldBy)) return null;
        if (!reader.TryReadVarintInt32(out int count) || count is < 0 or > KnownMax) return null;
        var known = new List<string>();
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadText(out string address)) return null;
            known.Add(address);
        }

        if (!reader.AtEnd) return null;
        return new IdentifyReply
        {
            Self = self!,
            ClusterId = cluster,
            Sighted = sighted,
            Held = held,
            HeldBy = heldBy,
            Known = known,
        };
    }
}
