using System.Buffers.Binary;
using Nori.IO;

namespace Nori.Wal;

/// <summary>Reading what was appended.</summary>
public sealed partial class WalLog
{
    /// <summary>
    /// Reads the records from the position (a record's, or <see cref="WalPosition.Start"/>) to the present end.
    /// </summary>
    public WalReader ReadFrom(WalPosition position)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        return ReadFrom(position, End);
    }

    /// <summary>As <see cref="ReadFrom(WalPosition)"/>, from any thread, to an end the owner vouches for.</summary>
    internal WalReader ReadFrom(WalPosition position, WalPosition end) =>
        new(Volatile.Read(ref _segments), _damage, position, end);

    /// <summary>Reads one record; false when its segment is no longer there.</summary>
    /// <param name="position">A record's position.</param>
    /// <param name="storedBytes">The bytes its payload takes, if known: saves a read. Else -1.</param>
    /// <param name="record">The record; its payload is the caller's.</param>
    /// <exception cref="CorruptionException">There is no whole record at the position.</exception>
    public bool TryRead(WalPosition position, int storedBytes, out WalRecord record)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        record = default;
        SegmentFile[] segments = _segments;
        if (segments.Length == 0 || position.Segment < segments[0].Number) return false;
        ulong index = position.Segment - segments[0].Number;
        if (index >= (ulong)segments.Length) return false;
        SegmentFile segment = segments[index];
        if (storedBytes < 0 && !TryReadLength(segment, position.Offset, out storedBytes)) throw Damaged(segment, position);
        long end = position.Offset + (long)WalFormat.RecordBytes(storedBytes);
        if (position.Offset < WalFormat.FirstBatchOffset || end > segment.End) throw Damaged(segment, position);

        byte[] bytes = new byte[WalFormat.RecordBytes(storedBytes)];
        if (!segment.File.TryReadExactly(position.Offset, bytes)
            || !RecordHeader.TryVerify(bytes, RecordHeader.EpochCrc(segment.Epoch), out RecordHeader header))
        {
            throw Damaged(segment, position);
        }

        ReadOnlyMemory<byte> payload = bytes.AsMemory(WalFormat.RecordHeaderBytes, header.StoredLength);
        if (header.Codec != Nori.Compression.CompressionType.None)
        {
            payload = RecordCodec.Expand(header, payload.Span, segment.Path, position.Offset).ToArray();
        }

        record = new WalRecord(position, header.Type, payload);
        return true;
    }

    private static bool TryReadLength(SegmentFile segment, uint offset, out int storedBytes)
    {
        Span<byte> head = stackalloc byte[WalFormat.RecordHeaderBytes];
        storedBytes = 0;
        if (!segment.File.TryReadExactly(offset, head)) return false;
        storedBytes = BinaryPrimitives.ReadInt32LittleEndian(head[4..]);
        return storedBytes is >= 0 and <= WalFormat.StoredBytesMax;
    }

    private static CorruptionException Damaged(SegmentFile segment, WalPosition position) =>
        new(segment.Path, position.Offset, "a record with its checksum", "other bytes");
}
