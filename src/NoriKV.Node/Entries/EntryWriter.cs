using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Entries;

/// <summary>
/// Encodes entry envelopes, format 1 (docs/formats/entry.md):
/// <code>
///  0   format u8 = 1 | kind u8 | flags u16          little-endian throughout
///  4   stamp u64                                    unix ms; filled by the leader when it appends
/// 12   session kind u8 [| id length varint, id | sequence varint | unix ms varint]
///  +   principal u32 = 0 | keyspace u32 = 0
///  +   count varint | operations
/// operation: kind u8 | flags u8 | key length varint, key | [ttl ms varint] | [term varint, index varint]
///            | [value length varint, value]
/// </code>
/// A configuration has its members (<see cref="ShardConfiguration"/>) in the place of the operations.
/// </summary>
public static class EntryWriter
{
    /// <summary>The format this code writes. Part of the format.</summary>
    public const byte Format = 1;

    /// <summary>Where the stamp lies.</summary>
    public const int StampOffset = 4;

    /// <summary>Bytes before the session.</summary>
    public const int HeaderBytes = 12;

    internal const byte FlagIfMatch = 1;
    internal const byte FlagIfNotExists = 2;
    internal const byte FlagTtl = 4;
    internal const byte FlagsKnown = FlagIfMatch | FlagIfNotExists | FlagTtl;

    /// <summary>An entry without operations.</summary>
    public static byte[] Encode(EntryKind kind) => Encode(kind, EntrySession.None, []);

    /// <summary>An entry with the operations of one call; its stamp is 0 until <see cref="Stamp"/>.</summary>
    public static byte[] Encode(EntrySession session, ReadOnlySpan<EntryOperation> operations) =>
        Encode(EntryKind.Operations, session, operations);

    /// <summary>An entry that changes who takes part.</summary>
    public static byte[] EncodeConfiguration(IReadOnlyList<ConfigurationMember> members)
    {
        int head = HeaderBytes + 1 + 8;
        byte[] envelope = new byte[head + ShardConfiguration.BytesMax(members.Count)];
        (envelope[0], envelope[1]) = (Format, (byte)EntryKind.Configuration);
        int length = ShardConfiguration.Encode(members, envelope.AsSpan(head));
        return envelope[..(head + length)];
    }

    /// <summary>The kind of an encoded entry; 0 for bytes too short to be one.</summary>
    public static EntryKind KindOf(ReadOnlySpan<byte> envelope) =>
        envelope.Length < HeaderBytes ? 0 : (EntryKind)envelope[1];

    /// <summary>The stamp of an encoded entry; 0 for bytes too short to be one.</summary>
    public static long StampOf(ReadOnlySpan<byte> envelope) => envelope.Length < HeaderBytes
        ? 0
        : (long)BinaryPrimitives.ReadUInt64LittleEndian(envelope[StampOffset..]);

    /// <summary>Writes the leader's time into an encoded entry.</summary>
    public static void Stamp(Span<byte> envelope, long unixMs) =>
        BinaryPrimitives.WriteUInt64LittleEndian(envelope[StampOffset..], (ulong)unixMs);

    private static byte[] Encode(EntryKind kind, EntrySession session, ReadOnlySpan<EntryOperation> operations)
    {
        int size = HeaderBytes + 1 + SessionBytes(session) + 8 + Varint.SizeOf((ulong)operations.Length);
        foreach (ref readonly EntryOperation operation in operations) size += OperationBytes(operation);
        byte[] envelope = new byte[size];
        var writer = new Cursor(envelope);
        writer.Byte(Format);
        writer.Byte((byte)kind);
        writer.Skip(HeaderBytes - 2); // Flags (none yet) and the stamp.
        WriteSession(ref writer, session);
        writer.Skip(8); // Principal and keyspace: 0.
        writer.Varint((ulong)operations.Length);
        foreach (ref readonly EntryOperation operation in operations) WriteOperation(ref writer, operation);
        Invariant.Assert(writer.AtEnd);
        return envelope;
    }

    private static int SessionBytes(EntrySession session) => session.Kind switch
    {
        SessionKind.None => 0,
        SessionKind.IdempotencyKey => LengthPrefixed(session.Id.Length),
        _ => LengthPrefixed(session.Id.Length) + Varint.SizeOf(session.Sequence) + Varint.SizeOf(session.UnixMs),
    };

    private static void WriteSession(ref Cursor writer, EntrySession session)
    {
        writer.Byte((byte)session.Kind);
        if (session.Kind == SessionKind.None) return;
        writer.LengthPrefixed(session.Id.Span);
        if (session.Kind == SessionKind.IdempotencyKey) return;
        writer.Varint(session.Sequence);
        writer.Varint(session.UnixMs);
    }

    private static int OperationBytes(in EntryOperation operation)
    {
        int size = 2 + LengthPrefixed(operation.Key.Length);
        if (operation.TtlMs > 0) size += Varint.SizeOf(operation.TtlMs);
        if (operation.IfMatch is { } version) size += Varint.SizeOf(version.Term) + Varint.SizeOf(version.Index);
        if (operation.Kind == OperationKind.Put) size += LengthPrefixed(operation.Value.Length);
        return size;
    }

    private static void WriteOperation(ref Cursor writer, in EntryOperation operation)
    {
        byte flags = 0;
        if (operation.IfMatch is not null) flags |= FlagIfMatch;
        if (operation.IfNotExists) flags |= FlagIfNotExists;
        if (operation.TtlMs > 0) flags |= FlagTtl;
        writer.Byte((byte)operation.Kind);
        writer.Byte(flags);
        writer.LengthPrefixed(operation.Key.Span);
        if (operation.TtlMs > 0) writer.Varint(operation.TtlMs);
        if (operation.IfMatch is { } version)
        {
            writer.Varint(version.Term);
            writer.Varint(version.Index);
        }

        if (operation.Kind == OperationKind.Put) writer.LengthPrefixed(operation.Value.Span);
    }

    private static int LengthPrefixed(int length) => Varint.SizeOf((ulong)length) + length;

    private ref struct Cursor(Span<byte> target)
    {
        private Span<byte> _rest = target;

        public readonly bool AtEnd => _rest.IsEmpty;

        public void Byte(byte value)
        {
            _rest[0] = value;
            _rest = _rest[1..];
        }

        public void Skip(int count) => _rest = _rest[count..];

        public void Varint(ulong value) => _rest = _rest[Nori.Core.Varint.Write(_rest, value)..];

        public void LengthPrefixed(ReadOnlySpan<byte> bytes)
        {
            Varint((ulong)bytes.Length);
            bytes.CopyTo(_rest);
            _rest = _rest[bytes.Length..];
        }
    }
}
