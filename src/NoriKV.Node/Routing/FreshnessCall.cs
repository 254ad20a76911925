using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

// The method Freshness of docs/formats/forward.md:
//   request: format u8 = 1 | shard u32
//   answer:  format u8 = 1 | age in nanoseconds varint | index varint
internal static class FreshnessCall
{
    private const byte Format = 1;

    public static byte[] Request(ShardId shard)
    {
        byte[] bytes = new byte[5];
        bytes[0] = Format;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(1), shard.Value);
        return bytes;
    }

    public static bool TryRead(ReadOnlySpan<byte> body, out ShardId shard)
    {
        var reader = new SpanReader(body);
        bool isOne = reader.TryReadByte(out byte format) & reader.TryReadUInt32(out uint number);
        shard = new ShardId(number);
        return isOne && format == Format && reader.AtEnd;
    }

    public static byte[] Answer(long ageNanoseconds, ulong index)
    {
        byte[] bytes = new byte[1 + (2 * Varint.BytesMax)];
        bytes[0] = Format;
        int at = 1 + Varint.Write(bytes.AsSpan(1), (ulong)Math.Max(0, ageNanoseconds));
        return bytes[..(at + Varint.Write(bytes.AsSpan(at), index))];
    }

    public static bool TryReadAnswer(ReadOnlySpan<byte> body, out long ageNanoseconds, out ulong index)
    {
        var reader = new SpanReader(body);
        (ageNanoseconds, index) = (0, 0);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadVarint(out ulong age) || age > long.MaxValue || !reader.TryReadVarint(out index)) return false;
        ageNanoseconds = (long)age;
        return reader.AtEnd;
    }
}
