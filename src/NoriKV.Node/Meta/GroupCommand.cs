using System.Buffers;
using Nori.Core;
using NoriKV.Node.Formation;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// What the meta leader wants of a shard's leader (docs/formats/meta-messages.md):
/// <code>
/// format u8 = 1 | shard | configuration index that the plan was made for | members
/// format u8 = 1 | shard | node that shall lead
/// answer: format u8 = 1 | code u8, 0 done | words
/// </code>
/// </summary>
internal static class GroupCommand
{
    private const byte Format = 1;

    public static byte[] EncodeChange(ShardId shard, LogIndex expected, IReadOnlyList<ConfigurationMember> members)
    {
        var writer = new ArrayBufferWriter<byte>(128);
        writer.WriteByte(Format);
        writer.WriteVarint(shard.Value);
        writer.WriteVarint(expected.Value);
        GroupReport.WriteMembers(writer, members);
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecodeChange(
        ReadOnlySpan<byte> bytes, out ShardId shard, out LogIndex expected, out ConfigurationMember[] members)
    {
        (shard, expected, members) = (default, default, []);
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader, out shard) || !reader.TryReadVarint(out ulong index)) return false;
        expected = new LogIndex(index);
        return ShardConfiguration.TryDecode(ref reader, out members) && reader.AtEnd;
    }

    public static byte[] EncodeTransfer(ShardId shard, NodeNumber target)
    {
        var writer = new ArrayBufferWriter<byte>(16);
        writer.WriteByte(Format);
        writer.WriteVarint(shard.Value);
        writer.WriteVarint(target.Value);
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecodeTransfer(ReadOnlySpan<byte> bytes, out ShardId shard, out NodeNumber target)
    {
        target = default;
        var reader = new SpanReader(bytes);
        if (!TryBegin(ref reader, out shard) || !reader.TryReadVarint(out ulong node)) return false;
        target = new NodeNumber(node);
        return reader.AtEnd;
    }

    public static byte[] EncodeAnswer(KvError? error)
    {
        var writer = new ArrayBufferWriter<byte>(64);
        writer.WriteByte(Format);
        writer.WriteByte(error is null ? (byte)0 : (byte)error.Code);
        writer.WriteText(error?.Message ?? "");
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecodeAnswer(ReadOnlySpan<byte> bytes, out KvError? error)
    {
        error = null;
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte code)) return false;
        if (!reader.TryReadText(out string words) || !reader.AtEnd || !Enum.IsDefined((KvCode)code)) return false;
        if (code != 0) error = new KvError((KvCode)code, words);
        return true;
    }

    private static bool TryBegin(ref SpanReader reader, out ShardId shard)
    {
        shard = default;
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadVarintInt32(out int number)) return false;
        shard = new ShardId((uint)number);
        return true;
    }
}
