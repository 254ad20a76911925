using System.Buffers;
using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Machine;

namespace NoriKV.Node.Snapshots;

// A record of the stream that the chunks' payloads, put together, are. docs/formats/snapshot-stream.md.
//
//   0 length u32 of what follows | type u8
//   5 State  the state record as it lies in the engine
//     Pair   kind u8, expiry varint (Unix ms, 0 never), key length varint, key, value
//
// State comes first and once; pairs rise by (kind, key).
internal readonly ref struct SnapshotRecord
{
    // Part of the format.
    public const byte StateType = 1;
    public const byte PairType = 2;

    /// <summary>The most bytes of a record: the engine's largest value and key.</summary>
    public const int BytesMax = (16 << 20) + (64 << 10) + 64;

    private const int KeyBytesMax = ushort.MaxValue - EngineKey.PrefixBytes;
    private const int ValueBytesMax = (16 << 20) - 16;

    public byte Type { get; private init; }

    public EngineKeyKind Kind { get; private init; }

    public long ExpiryUnixMs { get; private init; }

    public ReadOnlySpan<byte> Key { get; private init; }

    public ReadOnlySpan<byte> Value { get; private init; }

    public static void WriteState(ArrayBufferWriter<byte> target, ReadOnlySpan<byte> record)
    {
        target.WriteUInt32((uint)record.Length + 1);
        target.WriteByte(StateType);
        target.Write(record);
    }

    public static void WritePair(
        ArrayBufferWriter<byte> target, EngineKeyKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs)
    {
        int length = 2 + Varint.SizeOf((ulong)expiryUnixMs) + Varint.SizeOf((ulong)key.Length) + key.Length + value.Length;
        target.WriteUInt32((uint)length);
        target.WriteByte(PairType);
        target.WriteByte((byte)kind);
        target.WriteVarint((ulong)expiryUnixMs);
        target.WriteLengthPrefixed(key);
        target.Write(value);
    }

    /// <summary>
    /// Reads a record from the front. Length 0: more bytes are needed; -1: no record can begin so.
    /// </summary>
    public static int Read(ReadOnlySpan<byte> source, out SnapshotRecord record)
    {
        record = default;
        if (source.Length < sizeof(uint)) return 0;
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (length is 0 or > BytesMax) return -1;
        if (source.Length < sizeof(uint) + (int)length) return 0;
        return TryRead(source.Slice(sizeof(uint), (int)length), out record) ? sizeof(uint) + (int)length : -1;
    }

    private static bool TryRead(ReadOnlySpan<byte> body, out SnapshotRecord record)
    {
        record = new SnapshotRecord { Type = body[0], Value = body[1..] };
        if (record.Type == StateType) return true;
        if (record.Type != PairType) return false;
        var reader = new SpanReader(body[1..]);
        if (!reader.TryReadByte(out byte kind) || kind == (byte)EngineKeyKind.State) return false;
        if (!reader.TryReadVarint(out ulong expiry) || expiry > long.MaxValue) return false;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> key) || key.Length > KeyBytesMax) return false;
        if (reader.Remaining.Length > ValueBytesMax) return false;
        record = new SnapshotRecord
        {
            Type = PairType,
            Kind = (EngineKeyKind)kind,
            ExpiryUnixMs = (long)expiry,
            Key = key,
            Value = reader.Remaining,
        };
        return true;
    }
}
