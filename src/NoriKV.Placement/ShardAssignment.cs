using NoriKV.Types;

namespace NoriKV.Placement;

/// <summary>The nodes that hold a shard.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Replicas">Distinct nodes; the order says nothing.</param>
public sealed record ShardAssignment(ShardId Shard, IReadOnlyList<NodeNumber> Replicas);
