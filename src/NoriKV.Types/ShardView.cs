namespace NoriKV.Types;

/// <summary>A shard's replicas as clients see them.</summary>
/// <param name="Id">The shard.</param>
/// <param name="Replicas">Where they are; at most one leads.</param>
public sealed record ShardView(ShardId Id, IReadOnlyList<ShardReplicaView> Replicas);
