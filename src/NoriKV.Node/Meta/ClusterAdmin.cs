using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>Passes an operator's wishes on to the meta leader.</summary>
internal sealed class ClusterAdmin : IClusterAdmin
{
    public ValueTask<KvResult<ClusterStatus>> StatusAsync(RequestContext context) => Nobody();

    public ValueTask<KvResult<ClusterStatus>> DrainAsync(string node, int? replicationFactor, RequestContext context) => Nobody();

    public ValueTask<KvResult<ClusterStatus>> UndrainAsync(string node, RequestContext context) => Nobody();

    public ValueTask<KvResult<ClusterStatus>> DecommissionAsync(string node, RequestContext context) => Nobody();

    public ValueTask<KvResult<ClusterStatus>> ReplaceAsync(string node, RequestContext context) => Nobody();

    public ValueTask<KvResult<ClusterStatus>> MoveLeaderAsync(ShardId shard, string target, RequestContext context) => Nobody();

    public ValueTask<KvResult<ClusterStatus>> MoveReplicaAsync(
        ShardId shard, string source, string target, RequestContext context) => Nobody();

    private static ValueTask<KvResult<ClusterStatus>> Nobody() =>
        ValueTask.FromResult<KvResult<ClusterStatus>>(ProposalErrors.Unavailable("The meta group has no leader"));
}
