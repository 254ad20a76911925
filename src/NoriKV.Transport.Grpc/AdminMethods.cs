using Google.Protobuf;
using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Proto.V1;

namespace NoriKV.Transport.Grpc;

/// <summary>The methods of norikv.v1.Admin that operate the cluster; for the service and for the command line.</summary>
public static class AdminMethods
{
    /// <summary>How things are.</summary>
    public static readonly GrpcMethod<ClusterStatusRequest, ClusterStatus> GetClusterStatus =
        Make("GetClusterStatus", ClusterStatusRequest.Parser, ClusterStatus.Parser);

    /// <summary>Empties a node.</summary>
    public static readonly GrpcMethod<DrainNodeRequest, ClusterStatus> DrainNode =
        Make("DrainNode", DrainNodeRequest.Parser, ClusterStatus.Parser);

    /// <summary>Fills it again.</summary>
    public static readonly GrpcMethod<NodeRequest, ClusterStatus> UndrainNode =
        Make("UndrainNode", NodeRequest.Parser, ClusterStatus.Parser);

    /// <summary>An empty node is no member any more.</summary>
    public static readonly GrpcMethod<NodeRequest, ClusterStatus> DecommissionNode =
        Make("DecommissionNode", NodeRequest.Parser, ClusterStatus.Parser);

    /// <summary>Gives a node up.</summary>
    public static readonly GrpcMethod<NodeRequest, ClusterStatus> ReplaceNode =
        Make("ReplaceNode", NodeRequest.Parser, ClusterStatus.Parser);

    /// <summary>A shard is led elsewhere.</summary>
    public static readonly GrpcMethod<MoveLeaderRequest, ClusterStatus> MoveLeader =
        Make("MoveLeader", MoveLeaderRequest.Parser, ClusterStatus.Parser);

    /// <summary>A replica is elsewhere.</summary>
    public static readonly GrpcMethod<MoveReplicaRequest, ClusterStatus> MoveReplica =
        Make("MoveReplica", MoveReplicaRequest.Parser, ClusterStatus.Parser);

    /// <summary>What is wrong.</summary>
    public static readonly GrpcMethod<DiagnoseRequest, Diagnosis> Diagnose =
        Make("Diagnose", DiagnoseRequest.Parser, Diagnosis.Parser);

    private static GrpcMethod<TRequest, TResponse> Make<TRequest, TResponse>(
        string name, MessageParser<TRequest> request, MessageParser<TResponse> response)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        new(GrpcMethodKind.Unary, KvMethods.Admin, name, ProtobufMarshaller.For(request), ProtobufMarshaller.For(response));
}
