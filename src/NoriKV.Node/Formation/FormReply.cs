using System.Buffers;
using System.Text;
using Nori.Core;

namespace NoriKV.Node.Formation;

/// <summary>
/// The answer to a <see cref="FormationProposal"/>. Accepted: it is durable there, and that node takes no other.
/// <code>
/// format u8 = 1 | accepted u8 | proposal 16 bytes | held proposal 16 bytes | its proposer's name | words
/// </code>
/// </summary>
/// <param name="IsAccepted">True: it is durable.</param>
/// <param name="Proposal">The proposal that was answered.</param>
/// <param name="Held">What the node holds instead; empty for nothing.</param>
/// <param name="HeldBy">Whose that is.</param>
/// <param name="Refusal">Why not, in words; empty where it was accepted.</param>
public sealed record FormReply(bool IsAccepted, Guid Proposal, Guid Held, string HeldBy, string Refusal)
{
    private const byte Format = 1;

    /// <summary>Its bytes.</summary>
    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>();
        writer.WriteByte(Format);
        writer.WriteByte(IsAccepted ? (byte)1 : (byte)0);
        writer.WriteGuid(Proposal);
        writer.WriteGuid(Held);
        writer.WriteText(HeldBy);
        writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(Refusal));
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a reply; null for bytes that are none.</summary>
    public static FormReply? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadByte(out byte accepted) || accepted > 1) return null;
        if (!reader.TryReadGuid(out Guid proposal) || !reader.TryReadGuid(out Guid held)) return null;
        if (!reader.TryReadText(out string heldBy)) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> words) || !reader.AtEnd) return null;
        return new FormReply(accepted == 1, proposal, held, heldBy, Encoding.UTF8.GetString(words));
    }
}
