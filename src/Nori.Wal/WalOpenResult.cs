namespace Nori.Wal;

/// <summary>An opened log and what opening found.</summary>
public readonly record struct WalOpenResult(Wal Log, RecoveryReport Report);
