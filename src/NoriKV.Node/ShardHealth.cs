using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A replica's health.</summary>
public readonly record struct ShardHealth(
    ShardId Shard, HealthStatus Status, bool IsLeader, Term RaftTerm, LogIndex CommitIndex, LogIndex LastApplied);
