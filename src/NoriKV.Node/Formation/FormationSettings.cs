namespace NoriKV.Node.Formation;

/// <summary>What a cluster is formed with and every founder must agree on.</summary>
/// <param name="TotalShards">Shards; never changes.</param>
/// <param name="HashTags">Whether only the bytes inside the first {} of a key are hashed; never changes.</param>
/// <param name="ReplicationFactor">Replicas of a shard, where there are nodes enough.</param>
public sealed record FormationSettings(int TotalShards, bool HashTags, int ReplicationFactor)
{
    /// <summary>In words, for messages.</summary>
    public override string ToString() =>
        $"total_shards {TotalShards}, hash_tags {(HashTags ? "true" : "false")}, replication_factor {ReplicationFactor}";
}
