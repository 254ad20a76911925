using System.Buffers;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// The answer to a registry heartbeat; and, unasked, what changed (docs/formats/meta-messages.md):
/// <code>
/// format u8 = 1 | flags u8 (1: from the meta leader, 2: report everything) | the meta group's term | its leader's number
/// | map: length, <see cref="ClusterMapUpdate"/>, none where it is no news | view: length, <see cref="IssuedView"/>, likewise
/// </code>
/// </summary>
internal sealed record RegistryNews
{
    private const byte Format = 1;
    private const byte LeaderFlag = 1;
    private const byte WantsFullFlag = 2;

    /// <summary>It is the meta leader that answers.</summary>
    public required bool IsLeader { get; init; }

    /// <summary>It knows of this node's groups only what was in this heartbeat: the next one should say everything.</summary>
    public bool WantsFull { get; init; }

    /// <summary>Of the meta group.</summary>
    public required Term Term { get; init; }

    /// <summary>Who leads the meta group, as far as is known; none.</summary>
    public required NodeNumber Leader { get; init; }

    public ReadOnlyMemory<byte> Map { get; init; }

    public ReadOnlyMemory<byte> View { get; init; }

    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>(64 + Map.Length + View.Length);
        writer.WriteByte(Format);
        writer.WriteByte((byte)((IsLeader ? LeaderFlag : 0) | (WantsFull ? WantsFullFlag : 0)));
        writer.WriteVarint(Term.Value);
        writer.WriteVarint(Leader.Value);
        writer.WriteLengthPrefixed(Map.Span);
        writer.WriteLengthPrefixed(View.Span);
        return writer.WrittenSpan.ToArray();
    }

    public static RegistryNews? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadByte(out byte flags) || flags > (LeaderFlag | WantsFullFlag)) return null;
        if (!reader.TryReadVarint(out ulong term) || !reader.TryReadVarint(out ulong leader)) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> map)) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> view) || !reader.AtEnd) return null;
        return new RegistryNews
        {
            IsLeader = (flags & LeaderFlag) != 0,
            WantsFull = (flags & WantsFullFlag) != 0,
            Term = new Term(term),
            Leader = new NodeNumber(leader),
            Map = map.ToArray(),
            View = view.ToArray(),
        };
    }
}
