using System.Buffers;
using Nori.Core;
using Nori.Lsm.Versions;
using Nori.Wal;

namespace Nori.Lsm.Manifest;

// Layout (docs/formats/manifest.md): fields until the end of the payload, each a varint tag and its value.
//   1 next file number varint        2 last sequence varint        3 log position: segment varint, offset varint
//   4 removed table: level varint, number varint
//   5 added table: level, number, bytes varint | smallest, largest length-prefixed | flags u8 (1: largest is exclusive)
//       | smallest sequence, largest sequence, entries, deletes, range deletes, expiring, global sequence varint
//   6 store id: 16 bytes             7 levels varint               8 flushed watermark varint
//   9 log durable up to: segment varint, offset varint

/// <summary>One atomic change of the engine's tables and counters.</summary>
internal sealed class VersionEdit
{
    private const int LevelsMax = 64;

    public ulong? NextFileNumber { get; set; }

    public ulong? LastSequence { get; set; }

    /// <summary>Where replay of the engine's log begins: all before it is in tables.</summary>
    public WalPosition? LogPosition { get; set; }

    /// <summary>The engine's log was synced up to there when this was written: it never ends before.</summary>
    public WalPosition? LogDurable { get; set; }

    public Guid? StoreId { get; set; }

    public int? Levels { get; set; }

    /// <summary>The owner's greatest watermark that is in tables.</summary>
    public ulong? FlushedWatermark { get; set; }

    public List<(int Level, ulong Number)> Removed { get; } = [];

    public List<(int Level, TableMeta Meta)> Added { get; } = [];

    public void Encode(IBufferWriter<byte> target)
    {
        Number(1, NextFileNumber);
        Number(2, LastSequence);
        Position(3, LogPosition);
        foreach ((int level, ulong number) in Removed)
        {
            target.WriteVarint(4);
            target.WriteVarint((ulong)level);
            target.WriteVarint(number);
        }

        foreach ((int level, TableMeta meta) in Added) EncodeTable(target, level, meta);
        if (StoreId is { } id)
        {
            target.WriteVarint(6);
            target.Write(id.ToByteArray());
        }

        Number(7, (ulong?)Levels);
        Number(8, FlushedWatermark);
        Position(9, LogDurable);

        void Position(ulong tag, WalPosition? value)
        {
            if (value is not { } position) return;
            target.WriteVarint(tag);
            target.WriteVarint(position.Segment);
            target.WriteVarint(position.Offset);
        }

        void Number(ulong tag, ulong? value)
        {
            if (value is not { } number) return;
            target.WriteVarint(tag);
            target.WriteVarint(number);
        }
    }

    /// <summary>False for bytes that this version did not write.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out VersionEdit edit)
    {
        edit = new VersionEdit();
        var reader = new SpanReader(payload);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadVarint(out ulong tag) || !edit.TryDecodeField(tag, ref reader)) return false;
        }

        return true;
    }

    private bool TryDecodeField(ulong tag, ref SpanReader reader)
    {
        ulong number;
        switch (tag)
        {
            case 1 when reader.TryReadVarint(out number):
                NextFileNumber = number;
                return true;
            case 2 when reader.TryReadVarint(out number):
                LastSequence = number;
                return number <= Trailer.SequenceMax;
            case 3 when reader.TryReadVarint(out ulong segment) && reader.TryReadVarint(out number):
                LogPosition = new WalPosition(segment, (uint)number);
                return number <= uint.MaxValue;
            case 4 when reader.TryReadVarintInt32(out int level) && reader.TryReadVarint(out number):
                Removed.Add((level, number));
                return level < LevelsMax;
            case 5:
                return TryDecodeTable(ref reader);
            case 6 when reader.TryReadBytes(16, out ReadOnlySpan<byte> id):
                StoreId = new Guid(id);
                return true;
            case 7 when reader.TryReadVarintInt32(out int levels):
                Levels = levels;
                return levels is >= 2 and <= LevelsMax;
            case 8 when reader.TryReadVarint(out number):
                FlushedWatermark = number;
                return true;
            case 9 when reader.TryReadVarint(out ulong segment) && reader.TryReadVarint(out number):
                LogDurable = new WalPosition(segment, (uint)number);
                return number <= uint.MaxValue;
            default:
                return false;
        }
    }

    private static void EncodeTable(IBufferWriter<byte> target, int level, TableMeta meta)
    {
        target.WriteVarint(5);
        target.WriteVarint((ulong)level);
        target.WriteVarint(meta.Number);
        target.WriteVarint((ulong)meta.Bytes);
        target.WriteLengthPrefixed(meta.Smallest);
        target.WriteLengthPrefixed(meta.Largest);
        target.WriteByte(meta.LargestIsExclusive ? (byte)1 : (byte)0);
        target.WriteVarint(meta.SmallestSequence);
        target.WriteVarint(meta.LargestSequence);
        target.WriteVarint((ulong)meta.Entries);
        target.WriteVarint((ulong)meta.Deletes);
        target.WriteVarint((ulong)meta.RangeDeletes);
        target.WriteVarint((ulong)meta.Expiring);
        target.WriteVarint(meta.GlobalSequence);
    }

    private bool TryDecodeTable(ref SpanReader reader)
    {
        if (!reader.TryReadVarintInt32(out int level) || !reader.TryReadVarint(out ulong number)
            || !reader.TryReadVarint(out ulong bytes) || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> smallest)
            || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> largest) || !reader.TryReadByte(out byte flags)
            || !reader.TryReadVarint(out ulong smallestSequence) || !reader.TryReadVarint(out ulong largestSequence)
            || !reader.TryReadVarint(out ulong entries) || !reader.TryReadVarint(out ulong deletes)
            || !reader.TryReadVarint(out ulong rangeDeletes) || !reader.TryReadVarint(out ulong expiring)
            || !reader.TryReadVarint(out ulong global))
        {
            return false;
        }

        Added.Add((level, new TableMeta
        {
            Number = number,
            Bytes = (long)bytes,
            Smallest = smallest.ToArray(),
            Largest = largest.ToArray(),
            LargestIsExclusive = (flags & 1) != 0,
            SmallestSequence = smallestSequence,
            LargestSequence = largestSequence,
            Entries = (long)entries,
            Deletes = (long)deletes,
            RangeDeletes = (long)rangeDeletes,
            Expiring = (long)expiring,
            GlobalSequence = global,
        }));
        return level < LevelsMax && flags <= 1 && bytes <= long.MaxValue && global <= Trailer.SequenceMax
            && largestSequence <= Trailer.SequenceMax && smallestSequence <= largestSequence
            && smallest.SequenceCompareTo(largest) <= 0;
    }
}
