using System.Text;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Directory;

/// <summary>
/// Who a data directory belongs to, format 1 (docs/formats/state-machine.md), little-endian:
/// <code>
///  0  magic "NORIID\0\0" | format u8 = 1
///  9  cluster id 16 bytes | store uuid 16 bytes
/// 41  node number u64 | boot epoch u64
/// 57  total shards u32 | hash tags u8
/// 62  node name length u8, name (ASCII)
///  +  CRC-32C u32 of everything before it
/// </code>
/// </summary>
internal sealed record NodeIdentity
{
    private const byte Format = 1;
    private const int FixedBytes = 63;
    private static ReadOnlySpan<byte> Magic => "NORIID\0\0"u8;

    public required Guid ClusterId { get; init; }

    public required Guid StoreUuid { get; init; }

    public required NodeNumber Node { get; init; }

    public required string Name { get; init; }

    /// <summary>Starts of a process on this directory.</summary>
    public required ulong BootEpoch { get; init; }

    public required int TotalShards { get; init; }

    public required bool HashTags { get; init; }

    public byte[] Encode()
    {
        byte[] bytes = new byte[FixedBytes + Name.Length + sizeof(uint)];
        Span<byte> target = bytes;
        Magic.CopyTo(target);
        target[8] = Format;
        ClusterId.TryWriteBytes(target[9..], bigEndian: true, out _);
        StoreUuid.TryWriteBytes(target[25..], bigEndian: true, out _);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(target[41..], Node.Value);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(target[49..], BootEpoch);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(target[57..], (uint)TotalShards);
        target[61] = HashTags ? (byte)1 : (byte)0;
        target[62] = (byte)Name.Length;
        Encoding.ASCII.GetBytes(Name, target[FixedBytes..]);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(target[^4..], Crc32C.Compute(target[..^4]));
        return bytes;
    }

    /// <summary>Reads an identity; null for bytes that are none.</summary>
    public static NodeIdentity? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedBytes + sizeof(uint) || !bytes.StartsWith(Magic)) return null;
        uint crc = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]);
        if (crc != Crc32C.Compute(bytes[..^4]) || bytes[8] != Format) return null;
        var reader = new SpanReader(bytes[41..^4]);
        if (!reader.TryReadUInt64(out ulong node) || !reader.TryReadUInt64(out ulong epoch)) return null;
        if (!reader.TryReadUInt32(out uint shards) || !reader.TryReadByte(out byte tags)) return null;
        if (!reader.TryReadByte(out byte length) || !reader.TryReadBytes(length, out ReadOnlySpan<byte> name)) return null;
        if (!reader.AtEnd || shards is 0 or > Placement.KeyHash.TotalShardsMax || tags > 1) return null;
        return new NodeIdentity
        {
            ClusterId = new Guid(bytes[9..25], bigEndian: true),
            StoreUuid = new Guid(bytes[25..41], bigEndian: true),
            Node = new NodeNumber(node),
            Name = Encoding.ASCII.GetString(name),
            BootEpoch = epoch,
            TotalShards = (int)shards,
            HashTags = tags == 1,
        };
    }
}
