using Google.Protobuf;
using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Proto.V1;

namespace NoriKV.Transport.Grpc;

/// <summary>The methods of proto/norikv.proto.</summary>
internal static class KvMethods
{
    public const string Kv = "norikv.v1.Kv";
    public const string Meta = "norikv.v1.Meta";
    public const string Admin = "norikv.v1.Admin";
    public const string Raft = "norikv.v1.Raft";
    public const string Swim = "norikv.v1.Swim";

    public static readonly GrpcMethod<PutRequest, PutResponse> Put =
        Make(GrpcMethodKind.Unary, Kv, "Put", PutRequest.Parser, PutResponse.Parser);

    public static readonly GrpcMethod<GetRequest, GetResponse> Get =
        Make(GrpcMethodKind.Unary, Kv, "Get", GetRequest.Parser, GetResponse.Parser);

    public static readonly GrpcMethod<DeleteRequest, DeleteResponse> Delete =
        Make(GrpcMethodKind.Unary, Kv, "Delete", DeleteRequest.Parser, DeleteResponse.Parser);

    public static readonly GrpcMethod<BatchRequest, BatchResponse> Batch =
        Make(GrpcMethodKind.Unary, Kv, "Batch", BatchRequest.Parser, BatchResponse.Parser);

    public static readonly GrpcMethod<ScanRequest, ScanResponse> Scan =
        Make(GrpcMethodKind.ServerStreaming, Kv, "Scan", ScanRequest.Parser, ScanResponse.Parser);

    public static readonly GrpcMethod<StreamRequest, StreamResponse> Stream =
        Make(GrpcMethodKind.Duplex, Kv, "Stream", StreamRequest.Parser, StreamResponse.Parser);

    public static readonly GrpcMethod<ClusterView, ClusterView> WatchCluster =
        Make(GrpcMethodKind.ServerStreaming, Meta, "WatchCluster", ClusterView.Parser, ClusterView.Parser);

    public static readonly GrpcMethod<ShardInfo, ShardInfo> TransferShard =
        Make(GrpcMethodKind.Unary, Admin, "TransferShard", ShardInfo.Parser, ShardInfo.Parser);

    public static readonly GrpcMethod<ShardInfo, ShardInfo> SnapshotShard =
        Make(GrpcMethodKind.Unary, Admin, "SnapshotShard", ShardInfo.Parser, ShardInfo.Parser);

    private static GrpcMethod<TRequest, TResponse> Make<TRequest, TResponse>(
        GrpcMethodKind kind,
        string service,
        string name,
        MessageParser<TRequest> request,
        MessageParser<TResponse> response)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        new(kind, service, name, ProtobufMarshaller.For(request), ProtobufMarshaller.For(response));
}
