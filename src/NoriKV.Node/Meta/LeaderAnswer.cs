using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// An answer that only the meta leader gives (docs/formats/meta-messages.md): <c>0 | answer</c>, or
/// <c>1 | the number of the node that leads, 0 none</c> of one that does not lead.
/// </summary>
internal static class LeaderAnswer
{
    public static byte[] Here(byte[] answer) => [0, .. answer];

    public static byte[] Elsewhere(NodeNumber leader)
    {
        byte[] bytes = new byte[1 + Varint.BytesMax];
        bytes[0] = 1;
        return bytes[..(1 + Varint.Write(bytes.AsSpan(1), leader.Value))];
    }

    /// <summary>The answer; empty where another node leads, or none is known.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out ReadOnlyMemory<byte> answer, out NodeNumber leader)
    {
        (answer, leader) = (default, default);
        if (bytes.Length < 1) return false;
        if (bytes.Span[0] == 0)
        {
            answer = bytes[1..];
            return true;
        }

        if (Varint.TryRead(bytes.Span[1..], out ulong node, out _)) leader = new NodeNumber(node);
        return false;
    }
}
