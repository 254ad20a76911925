using System.Buffers;
using Nori.Core;
using NoriKV.Node.Formation;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// An operator's wish on its way to the meta leader (docs/formats/meta-messages.md):
/// <code>
/// format u8 = 1 | kind u8 | node's name | second node's name | shard | replication factor, 0 as it is
/// </code>
/// </summary>
internal sealed record AdminCommand(AdminCommandKind Kind, string Node = "", string Other = "", ShardId Shard = default, int Factor = 0)
{
    private const byte Format = 1;

    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>(64);
        writer.WriteByte(Format);
        writer.WriteByte((byte)Kind);
        writer.WriteText(Node);
        writer.WriteText(Other);
        writer.WriteVarint(Shard.Value);
        writer.WriteVarint((ulong)Factor);
        return writer.WrittenSpan.ToArray();
    }

    public static AdminCommand? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte kind)) return null;
        if (!Enum.IsDefined((AdminCommandKind)kind) || !reader.TryReadText(out string node)) return null;
        if (!reader.TryReadText(out string other) || !reader.TryReadVarintInt32(out int shard)) return null;
        if (!reader.TryReadVarintInt32(out int factor) || !reader.AtEnd) return null;
        return new AdminCommand((AdminCommandKind)kind, node, other, new ShardId((uint)shard), factor);
    }
}
