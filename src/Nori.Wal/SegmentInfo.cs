namespace Nori.Wal;

/// <summary>A live segment.</summary>
/// <param name="Number">Its number; they are contiguous.</param>
/// <param name="Epoch">What tells its records from what the file held before it was recycled.</param>
/// <param name="Path">Its file.</param>
/// <param name="Bytes">Bytes in use, header included.</param>
public sealed record SegmentInfo(ulong Number, ulong Epoch, string Path, long Bytes);
