namespace Nori.Wal;

/// <summary>A whole batch.</summary>
/// <param name="Position">Where its header begins.</param>
/// <param name="Bytes">Its length, header included.</param>
/// <param name="Records">Records in it; 0 in a mark.</param>
/// <param name="IsClosing">True in the mark that an orderly close wrote.</param>
/// <param name="Durable">The position through which the log was durable when it was written.</param>
public readonly record struct WalBatchInspection(
    WalPosition Position, int Bytes, int Records, bool IsClosing, WalPosition Durable);
