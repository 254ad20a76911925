using NoriKV.Node;
using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>Operating the cluster, before and behind the node is there.</summary>
internal sealed partial class NodeFront : INodeOperations, IClusterAdmin
{
    public IClusterAdmin Admin => (_node as INodeOperations)?.Admin ?? this;

    public ValueTask<KvResult<ClusterDiagnosis>> DiagnoseAsync(RequestContext context)
    {
        if (_node is INodeOperations node) return node.DiagnoseAsync(context);
        return ValueTask.FromResult<KvResult<ClusterDiagnosis>>(new ClusterDiagnosis
        {
            Node = NodeId,
            Asked = [NodeId],
            Answered = [NodeId],
            Findings =
            [
                new Finding(
                    FindingIds.NodeStopped, FindingSeverity.Critical, NodeId, $"{NodeId} does not serve yet", _waiting(),
                    "Ask a node that serves, if there is one. docs/operations.md (A cluster) says what each reason means"),
            ],
        });
    }

    ValueTask<KvResult<ClusterStatus>> IClusterAdmin.StatusAsync(RequestContext context) => NotYet<ClusterStatus>();

    ValueTask<KvResult<ClusterStatus>> IClusterAdmin.DrainAsync(
        string node, int? replicationFactor, RequestContext context) => NotYet<ClusterStatus>();

    ValueTask<KvResult<ClusterStatus>> IClusterAdmin.UndrainAsync(string node, RequestContext context) =>
        NotYet<ClusterStatus>();

    ValueTask<KvResult<ClusterStatus>> IClusterAdmin.DecommissionAsync(string node, RequestContext context) =>
        NotYet<ClusterStatus>();

    ValueTask<KvResult<ClusterStatus>> IClusterAdmin.ReplaceAsync(string node, RequestContext context) =>
        NotYet<ClusterStatus>();

    ValueTask<KvResult<ClusterStatus>> IClusterAdmin.MoveLeaderAsync(
        ShardId shard, string target, RequestContext context) => NotYet<ClusterStatus>();

    ValueTask<KvResult<ClusterStatus>> IClusterAdmin.MoveReplicaAsync(
        ShardId shard, string source, string target, RequestContext context) => NotYet<ClusterStatus>();
}
