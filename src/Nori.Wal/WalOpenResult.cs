namespace Nori.Wal;

/// <summary>An opened log and what opening found.</summary>
/// <param name="Log">The log, ready for appends.</param>
/// <param name="Report">What was recovered, and what was wrong.</param>
public readonly record struct WalOpenResult(Wal Log, RecoveryReport Report);
