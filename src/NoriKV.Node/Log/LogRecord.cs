using System.Buffers.Binary;
using Nori.Core;
using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

// The payload of a WAL record of the shared log; the WAL's record type is the kind. Little-endian. Bytewise:
// docs/formats/shared-log.md.
//
//   0 format = 1   1 flags (1 = a copy made by the log itself, 2 = replaces the log, 4 = with a mark)   2 shard u32
//   6 replica u64
//   Append, Rewrite   14 index u64   22 term u64   30 envelope
//   HardState         14 term u64    22 vote u64   30 commit u64   with a mark: 38 damage u8  39 segment u64  47 offset u32
//   TruncatePrefix    14 index u64   22 term u64
//   Clean             nothing more
internal readonly ref struct LogRecord
{
    // Part of the format.
    public const byte Format = 1;
    public const byte CopyFlag = 1;
    public const byte ReplacesFlag = 2;
    public const int CommonBytes = 14;
    public const int EntryHeaderBytes = 30;
    public const byte MarkFlag = 4;
    public const int HardStateBytes = 38;
    public const int BytesMax = 51;

    public LogRecordKind Kind { get; private init; }

    public bool IsCopy { get; private init; }

    /// <summary>A prefix truncation by a snapshot: no entry stays, whatever its index.</summary>
    public bool ReplacesLog { get; private init; }

    public ShardId Shard { get; private init; }

    public ReplicaId Replica { get; private init; }

    public LogIndex Index { get; private init; }

    public Term Term { get; private init; }

    public ReplicaId Vote { get; private init; }

    /// <summary>With a hard state: what the group lost, from here on; null says nothing about it.</summary>
    public LogMark? Mark { get; private init; }

    public ReadOnlySpan<byte> Envelope { get; private init; }

    public static int EncodeEntry(Span<byte> target, byte flags, ShardId shard, ReplicaId replica, LogIndex index, Term term)
    {
        EncodeCommon(target, flags, shard, replica);
        BinaryPrimitives.WriteUInt64LittleEndian(target[14..], index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[22..], term.Value);
        return EntryHeaderBytes;
    }

    public static int EncodeHardState(Span<byte> target, byte flags, ShardId shard, ReplicaId replica, HardState state)
    {
        EncodeCommon(target, flags, shard, replica);
        BinaryPrimitives.WriteUInt64LittleEndian(target[14..], state.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[22..], state.Vote.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[30..], state.Commit.Value);
        return HardStateBytes;
    }

    public static int EncodeMark(
        Span<byte> target, byte flags, ShardId shard, ReplicaId replica, HardState state, LogMark mark)
    {
        EncodeHardState(target, (byte)(flags | MarkFlag), shard, replica, state);
        target[38] = (byte)mark.Damage;
        BinaryPrimitives.WriteUInt64LittleEndian(target[39..], mark.Place.Segment);
        BinaryPrimitives.WriteUInt32LittleEndian(target[47..], mark.Place.Offset);
        return BytesMax;
    }

    public static int EncodeClean(Span<byte> target, byte flags, ShardId shard, ReplicaId replica)
    {
        EncodeCommon(target, flags, shard, replica);
        return CommonBytes;
    }

    /// <summary>Reads a payload; false when it is none of this version.</summary>
    public static bool TryDecode(byte type, ReadOnlySpan<byte> payload, out LogRecord record)
    {
        record = default;
        var reader = new SpanReader(payload);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadByte(out byte flags) || flags > (MarkFlag | CopyFlag)) return false;
        if (!reader.TryReadUInt32(out uint shard) || !reader.TryReadUInt64(out ulong replica)) return false;
        ulong first = 0, second = 0, third = 0;
        var kind = (LogRecordKind)type;
        if ((flags & ReplacesFlag) != 0 && (flags != ReplacesFlag || kind != LogRecordKind.TruncatePrefix)) return false;
        LogMark? mark = null;
        if ((flags & MarkFlag) != 0 && kind != LogRecordKind.HardState) return false;
        bool whole = kind switch
        {
            LogRecordKind.Append or LogRecordKind.Rewrite =>
                reader.TryReadUInt64(out first) && reader.TryReadUInt64(out second) && first > 0,
            LogRecordKind.HardState =>
                reader.TryReadUInt64(out second) && reader.TryReadUInt64(out third)
                && reader.TryReadUInt64(out first) && ((flags & MarkFlag) == 0 || TryReadMark(ref reader, out mark))
                && reader.AtEnd,
            LogRecordKind.TruncatePrefix =>
                reader.TryReadUInt64(out first) && reader.TryReadUInt64(out second) && reader.AtEnd,
            LogRecordKind.Clean => reader.AtEnd,
            _ => false,
        };
        if (!whole) return false;
        record = new LogRecord
        {
            Kind = kind,
            IsCopy = (flags & CopyFlag) != 0,
            ReplacesLog = flags == ReplacesFlag,
            Shard = new ShardId(shard),
            Replica = new ReplicaId(replica),
            Index = new LogIndex(first),
            Term = new Term(second),
            Vote = new ReplicaId(third),
            Mark = mark,
            Envelope = reader.Remaining,
        };
        return true;
    }

    private static bool TryReadMark(ref SpanReader reader, out LogMark? mark)
    {
        mark = null;
        if (!reader.TryReadByte(out byte damage) || damage > (byte)LogDamage.HardState) return false;
        if (!reader.TryReadUInt64(out ulong segment) || !reader.TryReadUInt32(out uint offset)) return false;
        mark = new LogMark((LogDamage)damage, new WalPosition(segment, offset));
        return true;
    }

    private static void EncodeCommon(Span<byte> target, byte flags, ShardId shard, ReplicaId replica)
    {
        target[0] = Format;
        target[1] = flags;
        BinaryPrimitives.WriteUInt32LittleEndian(target[2..], shard.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[6..], replica.Value);
    }
}
