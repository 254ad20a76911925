namespace Nori.Wal;

/// <summary>What opening writes over damage that a batch's repair block mended.</summary>
internal sealed record BatchRepair(SegmentFile Segment, long Offset, byte[] Bytes);
