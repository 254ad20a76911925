using Nori.Grpc.Server;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>norikv.v1.Admin.</summary>
internal sealed class AdminService(GrpcTransportParts parts)
{
    public GrpcServiceDefinition Definition => new ClusterCalls(parts).AddTo(new GrpcServiceDefinition(KvMethods.Admin)
        .AddUnary(KvMethods.TransferShard, TransferAsync)
        .AddUnary(KvMethods.SnapshotShard, SnapshotAsync));

    private async ValueTask<ShardInfo> TransferAsync(ShardInfo request, ServerCallContext call)
    {
        string[] targets = [.. request.Replicas.Where(static r => r.Leader).Select(static r => r.NodeId)];
        if (targets.Length != 1)
        {
            throw StatusTable.ToException(new KvError(
                KvCode.InvalidArgument, "mark exactly one replica as leader: the node the shard is to be led by"));
        }

        return Answer(await parts.Node
            .TransferShardAsync(new ShardId(request.Id), targets[0], CallContexts.Of(call, parts))
            .ConfigureAwait(false));
    }

    private async ValueTask<ShardInfo> SnapshotAsync(ShardInfo request, ServerCallContext call) =>
        Answer(await parts.Node
            .SnapshotShardAsync(new ShardId(request.Id), CallContexts.Of(call, parts))
            .ConfigureAwait(false));

    private static ShardInfo Answer(KvResult<ShardView> result) =>
        result.TryGet(out ShardView? shard, out KvError? error)
            ? WireMessages.ToWire(shard)
            : throw StatusTable.ToException(error);
}
