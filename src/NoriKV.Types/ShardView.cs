namespace NoriKV.Types;

/// <summary>A shard's replicas as clients see them.</summary>
public sealed record ShardView(ShardId Id, IReadOnlyList<ShardReplicaView> Replicas);
