using NoriKV.Node.Meta;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>The cluster as this node knows it, and what is asked of it.</summary>
public sealed partial class NoriNode
{
    /// <summary>Who the nodes are and where replicas live, as far as this node has heard.</summary>
    public ClusterTable Table { get; }

    /// <summary>Administration of the cluster; answers at any node.</summary>
    public IClusterAdmin Admin { get; }

    /// <summary>The meta group: a shard like any other, behind the last one; no key lies in it.</summary>
    private ShardId MetaShard => new((uint)_totalShards);

    /// <summary>
    /// Makes a node a member: gives it a number and registers its name, store and address, through the leader of the meta
    /// group. Asking again with the same name and store gives the same number.
    /// </summary>
    public ValueTask<JoinReply> JoinAsync(JoinRequest request, RequestContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ValueTask.FromResult(new JoinReply { Refusal = "The meta group has no leader", MayRetry = true });
    }

    private static ClusterMap MapOf(NodeOptions options, NodeParts parts)
    {
        Directory.NodeIdentity identity = parts.Directory.Identity;
        if (options.Plan is not { } plan)
        {
            return new ClusterMap
            {
                Nodes = [new RegisteredNode(
                    identity.Node, identity.Name, identity.StoreUuid, options.AdvertiseAddress, options.Zone,
                    RegisteredState.Active, 0)],
            };
        }

        return new ClusterMap
        {
            Nodes = [.. plan.Nodes.OrderBy(static n => n.Number).Select(static n => new RegisteredNode(
                n.Number, n.Name, Guid.Empty, n.Address, "", RegisteredState.Active, 0))],
            Shards = [.. Enumerable.Range(0, identity.TotalShards).Select(s => plan.Replicas(new ShardId((uint)s)))],
        };
    }
}
