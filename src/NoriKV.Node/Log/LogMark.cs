using Nori.Wal;

namespace NoriKV.Node.Log;

/// <summary>Says durably what a group lost, or that it has it again; stands for all damage before it in the log.</summary>
/// <param name="Damage">What was lost.</param>
/// <param name="Place">Where the damage begins; default where that is not known.</param>
internal readonly record struct LogMark(LogDamage Damage, WalPosition Place);
