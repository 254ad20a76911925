namespace Nori.Wal;

/// <summary>What a segment's file holds.</summary>
/// <param name="File">Its path.</param>
/// <param name="Number">Its number.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="FileBytes">The file's length.</param>
/// <param name="UsedBytes">Bytes up to the last whole batch read in order, header included.</param>
/// <param name="Batches">Whole batches, marks included.</param>
/// <param name="Records">Records in them.</param>
/// <param name="Durable">The position its header calls durable.</param>
public sealed record WalSegmentInspection(
    string File,
    ulong Number,
    ulong Epoch,
    long FileBytes,
    long UsedBytes,
    long Batches,
    long Records,
    WalPosition Durable);
