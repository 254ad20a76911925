namespace Nori.Wal;

/// <summary>A record read from the log.</summary>
/// <param name="Position">Where it lies.</param>
/// <param name="Type">The owner's tag.</param>
/// <param name="Payload">The payload; the reader's own copy.</param>
public readonly record struct WalRecord(WalPosition Position, byte Type, ReadOnlyMemory<byte> Payload);
