using System.Buffers;
using Nori.Core;
using NoriKV.Node.Formation;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// A <see cref="JoinRequest"/> on its way to the meta leader (docs/formats/meta-messages.md); its answer is a
/// <see cref="JoinAnswer"/>:
/// <code>
/// format u8 = 1 | name | store uuid 16 bytes | address | zone | total shards | lowest protocol | highest protocol
/// </code>
/// </summary>
internal static class JoinQuestion
{
    private const byte Format = 1;

    public static byte[] Encode(JoinRequest request)
    {
        var writer = new ArrayBufferWriter<byte>(128);
        writer.WriteByte(Format);
        writer.WriteText(request.Name);
        writer.WriteGuid(request.StoreUuid);
        writer.WriteText(request.Address);
        writer.WriteText(request.Zone);
        writer.WriteVarint((ulong)request.TotalShards);
        writer.WriteVarint((ulong)request.ProtocolMin);
        writer.WriteVarint((ulong)request.ProtocolMax);
        return writer.WrittenSpan.ToArray();
    }

    public static JoinRequest? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadText(out string name) || !NodeName.IsValid(name)) return null;
        if (!reader.TryReadGuid(out Guid store) || store == Guid.Empty) return null;
        if (!reader.TryReadText(out string address) || !reader.TryReadText(out string zone)) return null;
        if (!reader.TryReadVarintInt32(out int shards) || !reader.TryReadVarintInt32(out int min)) return null;
        if (!reader.TryReadVarintInt32(out int max) || !reader.AtEnd) return null;
        return new JoinRequest
        {
            Name = name,
            StoreUuid = store,
            Address = address,
            Zone = zone,
            TotalShards = shards,
            ProtocolMin = min,
            ProtocolMax = max,
        };
    }
}
