namespace NoriKV.Types;

/// <summary>What clients know of the cluster. Immutable; a change makes a new one with a higher epoch.</summary>
/// <param name="Epoch">At least 1, below 2^53, rises with each change.</param>
/// <param name="Nodes">Sorted by id.</param>
/// <param name="Shards">Sorted by id, one for each shard.</param>
/// <param name="ClusterId">The cluster's identity.</param>
/// <param name="TotalShards">Fixed at formation.</param>
/// <param name="HashTags">Whether only the bytes inside the first {} of a key are hashed.</param>
public sealed record ClusterView(
    ulong Epoch,
    IReadOnlyList<ClusterNode> Nodes,
    IReadOnlyList<ShardView> Shards,
    string ClusterId,
    int TotalShards,
    bool HashTags);
