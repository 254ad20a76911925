using NoriKV.Types;

namespace NoriKV.Placement;

/// <summary>One step of a plan: add a replica, then remove one. Either may be absent.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Add">Where a replica arrives; null where the replication factor falls.</param>
/// <param name="Remove">Where one goes away; null where the replication factor rises.</param>
public readonly record struct ReplicaMove(ShardId Shard, NodeNumber? Add, NodeNumber? Remove);
