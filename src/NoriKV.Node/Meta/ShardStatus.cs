using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>A shard as the meta leader sees it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Replicas">Where it lives.</param>
/// <param name="Leader">Who leads it, as nodes report; none.</param>
/// <param name="Term">In which term.</param>
/// <param name="Move">The move under way, in words; null where there is none.</param>
public sealed record ShardStatus(
    ShardId Shard, IReadOnlyList<PlannedReplica> Replicas, NodeNumber Leader, Term Term, string? Move);
