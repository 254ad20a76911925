using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>
/// Where shards are and how nodes are reached, as far as this node was told; what its own groups know counts for more.
/// </summary>
/// <remarks>Thread-safe, and cheap: asked for each request that is not served here.</remarks>
internal interface IShardDirectory
{
    /// <summary>The nodes with a replica of the shard that has a vote, or may get one; empty where nothing is known.</summary>
    IReadOnlyList<NodeNumber> ReplicasOf(ShardId shard);

    /// <summary>The node that led the shard when last heard; none.</summary>
    NodeNumber LeaderOf(ShardId shard);

    /// <summary>The dialable gRPC address of a node; empty where it is not known.</summary>
    string AddressOf(NodeNumber node);

    /// <summary>The id outside of a node; empty where it is not known.</summary>
    string NameOf(NodeNumber node);
}
