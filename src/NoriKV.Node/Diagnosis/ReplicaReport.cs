using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>A replica as its node says it is.</summary>
/// <param name="Shard">Its shard.</param>
/// <param name="IsLeader">It leads.</param>
/// <param name="IsDamaged">It lost what it held and is not healed yet.</param>
/// <param name="Leader">The node that leads, as far as it knows; none.</param>
/// <param name="Term">Its term.</param>
/// <param name="Last">The last entry of its log.</param>
/// <param name="Stopped">Why it was stopped; empty while it works.</param>
internal readonly record struct ReplicaReport(
    ShardId Shard, bool IsLeader, bool IsDamaged, NodeNumber Leader, Term Term, LogIndex Last, string Stopped);
