namespace NoriKV.Placement;

/// <summary>What to do, and how the shards lie after it.</summary>
/// <param name="Moves">In shard order; none where the cluster is level already.</param>
/// <param name="Target">Sorted by shard.</param>
public sealed record PlacementPlan(IReadOnlyList<ReplicaMove> Moves, IReadOnlyList<ShardAssignment> Target);
