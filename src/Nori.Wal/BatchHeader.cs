using System.Buffers.Binary;
using Nori.Core;

namespace Nori.Wal;

[Flags]
internal enum BatchFlags : uint
{
    None = 0,

    /// <summary>No records: only says how far the log is durable.</summary>
    Mark = 1,

    /// <summary>A mark written by an orderly close.</summary>
    Closed = 2,

    /// <summary>A <see cref="RepairBlock"/> follows the records.</summary>
    Repair = 4,
}

/// <summary>The header of one write batch.</summary>
internal readonly record struct BatchHeader(
    ulong Epoch, uint Offset, int BodyBytes, int Records, BatchFlags Flags, WalPosition Durable)
{
    /// <summary>Bytes of the whole batch.</summary>
    public int TotalBytes => WalFormat.BatchHeaderBytes + BodyBytes + (HasRepairBlock ? RepairBlock.Bytes : 0);

    public bool HasRepairBlock => (Flags & BatchFlags.Repair) != 0;

    public void Encode(Span<byte> target)
    {
        target = target[..WalFormat.BatchHeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], WalFormat.BatchTag);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], Epoch);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], Offset);
        BinaryPrimitives.WriteInt32LittleEndian(target[20..], BodyBytes);
        BinaryPrimitives.WriteInt32LittleEndian(target[24..], Records);
        BinaryPrimitives.WriteUInt32LittleEndian(target[28..], (uint)Flags);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], Durable.Segment);
        BinaryPrimitives.WriteUInt32LittleEndian(target[40..], Durable.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(target[44..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(target, Crc32C.Compute(target[4..]));
    }

    /// <summary>True when the bytes are the header of a batch of this epoch at this very offset.</summary>
    /// <remarks>
    /// Epoch and offset are compared before the checksum: a header of the file's former life, a copy carried by a
    /// payload
    /// or one that a disk wrote to the wrong place is none.
    /// </remarks>
    public static bool TryDecode(ReadOnlySpan<byte> source, ulong epoch, uint offset, out BatchHeader header)
    {
        header = default;
        if (source.Length < WalFormat.BatchHeaderBytes) return false;
        source = source[..WalFormat.BatchHeaderBytes];
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != WalFormat.BatchTag) return false;
        if (BinaryPrimitives.ReadUInt64LittleEndian(source[8..]) != epoch) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[16..]) != offset) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source) != Crc32C.Compute(source[4..])) return false;
        int bodyBytes = BinaryPrimitives.ReadInt32LittleEndian(source[20..]);
        int records = BinaryPrimitives.ReadInt32LittleEndian(source[24..]);
        var flags = (BatchFlags)BinaryPrimitives.ReadUInt32LittleEndian(source[28..]);
        if (bodyBytes is < 0 or > WalFormat.BatchBytesMax || bodyBytes % WalFormat.Alignment != 0) return false;
        if (records < 0 || (long)records * WalFormat.RecordHeaderBytes > bodyBytes) return false;
        if ((records == 0) != flags.HasFlag(BatchFlags.Mark)) return false;
        header = new BatchHeader(
            epoch,
            offset,
            bodyBytes,
            records,
            flags,
            new WalPosition(
                BinaryPrimitives.ReadUInt64LittleEndian(source[32..]),
                BinaryPrimitives.ReadUInt32LittleEndian(source[40..])));
        return true;
    }
}
