using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// What an operator asks of the cluster, at any node: it is passed on to the leader of the meta group and answered when the
/// wish is durable there. Carrying it out takes longer; <see cref="StatusAsync"/> shows how far it is.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public interface IClusterAdmin
{
    /// <summary>Nodes, shards and moves, as the meta leader sees them now.</summary>
    ValueTask<KvResult<ClusterStatus>> StatusAsync(RequestContext context);

    /// <summary>Empties a node of replicas. Refused where that would lower the replication factor, unless a new one is given.</summary>
    /// <param name="node">Its name.</param>
    /// <param name="replicationFactor">
    /// Replicas of each shard from now on; null: as it is. As many as the nodes that are left can hold rise again to what the cluster is
    /// configured for when there are more nodes; fewer, or more, is what it is configured for from now on.
    /// </param>
    /// <param name="context">Who asks and until when.</param>
    ValueTask<KvResult<ClusterStatus>> DrainAsync(string node, int? replicationFactor, RequestContext context);

    /// <summary>A drained or draining node takes replicas again.</summary>
    ValueTask<KvResult<ClusterStatus>> UndrainAsync(string node, RequestContext context);

    /// <summary>A drained, empty node is no member any more. Its number is never used again.</summary>
    ValueTask<KvResult<ClusterStatus>> DecommissionAsync(string node, RequestContext context);

    /// <summary>
    /// Gives up a node that will not come back: its replicas are replaced at once, and its name may be taken by a node with
    /// another store.
    /// </summary>
    ValueTask<KvResult<ClusterStatus>> ReplaceAsync(string node, RequestContext context);

    /// <summary>Moves the leadership of a shard to a node that has a vote in it.</summary>
    ValueTask<KvResult<ClusterStatus>> MoveLeaderAsync(ShardId shard, string target, RequestContext context);

    /// <summary>Moves a replica of a shard between two nodes; the driver may move others to keep the cluster level.</summary>
    ValueTask<KvResult<ClusterStatus>> MoveReplicaAsync(
        ShardId shard, string source, string target, RequestContext context);
}
