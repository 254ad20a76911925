using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Node;
using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Proto.V1;
using NoriKV.Types;
using ClusterStatus = NoriKV.Proto.V1.ClusterStatus;

namespace NoriKV.Transport.Grpc;

/// <summary>The part of norikv.v1.Admin that operates the cluster: passed on as it is, answered in the wire's words.</summary>
internal sealed class ClusterCalls(GrpcTransportParts parts)
{
    public GrpcServiceDefinition AddTo(GrpcServiceDefinition admin) => admin
        .AddUnary(AdminMethods.GetClusterStatus, (request, call) =>
            RunAsync(call, (cluster, context) => cluster.StatusAsync(context), request.OmitShards))
        .AddUnary(AdminMethods.DrainNode, (request, call) => RunAsync(call, (cluster, context) => cluster.DrainAsync(
            request.NodeId, request.ReplicationFactor == 0 ? null : FactorOf(request.ReplicationFactor), context)))
        .AddUnary(AdminMethods.UndrainNode, (request, call) =>
            RunAsync(call, (cluster, context) => cluster.UndrainAsync(request.NodeId, context)))
        .AddUnary(AdminMethods.DecommissionNode, (request, call) =>
            RunAsync(call, (cluster, context) => cluster.DecommissionAsync(request.NodeId, context)))
        .AddUnary(AdminMethods.ReplaceNode, (request, call) =>
            RunAsync(call, (cluster, context) => cluster.ReplaceAsync(request.NodeId, context)))
        .AddUnary(AdminMethods.MoveLeader, (request, call) => RunAsync(call, (cluster, context) =>
            cluster.MoveLeaderAsync(new ShardId(request.Shard), request.TargetNodeId, context)))
        .AddUnary(AdminMethods.MoveReplica, (request, call) => RunAsync(call, (cluster, context) =>
            cluster.MoveReplicaAsync(new ShardId(request.Shard), request.SourceNodeId, request.TargetNodeId, context)))
        .AddUnary(AdminMethods.Diagnose, (_, call) => DiagnoseAsync(call));

    // What is no factor at all must not become one on its way through an int.
    private static int FactorOf(uint asked) => (int)Math.Min(asked, 1000);

    private async ValueTask<ClusterStatus> RunAsync(
        ServerCallContext call,
        Func<IClusterAdmin, RequestContext, ValueTask<KvResult<Node.Meta.ClusterStatus>>> run,
        bool omitShards = false)
    {
        KvResult<Node.Meta.ClusterStatus> result =
            await run(Required().Admin, CallContexts.Of(call, parts)).ConfigureAwait(false);
        return result.TryGet(out Node.Meta.ClusterStatus? status, out KvError? error)
            ? AdminMessages.ToWire(status, omitShards)
            : throw StatusTable.ToException(error);
    }

    private async ValueTask<Proto.V1.Diagnosis> DiagnoseAsync(ServerCallContext call)
    {
        KvResult<ClusterDiagnosis> result =
            await Required().DiagnoseAsync(CallContexts.Of(call, parts)).ConfigureAwait(false);
        return result.TryGet(out ClusterDiagnosis? diagnosis, out KvError? error)
            ? DiagnosisMessages.ToWire(diagnosis)
            : throw StatusTable.ToException(error);
    }

    private INodeOperations Required() => parts.Operations
        ?? throw new GrpcException(GrpcStatusCode.Unimplemented, "this node is not operated as part of a cluster");
}
