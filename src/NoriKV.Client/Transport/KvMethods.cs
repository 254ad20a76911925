using Google.Protobuf;
using Nori.Grpc;
using NoriKV.Proto.V1;

namespace NoriKV.Client.Transport;

/// <summary>The methods of proto/norikv.proto that clients call.</summary>
internal static class KvMethods
{
    private const string Kv = "norikv.v1.Kv";

    public static readonly GrpcMethod<PutRequest, PutResponse> Put =
        new(GrpcMethodKind.Unary, Kv, "Put", For(PutRequest.Parser), For(PutResponse.Parser));

    public static readonly GrpcMethod<GetRequest, GetResponse> Get =
        new(GrpcMethodKind.Unary, Kv, "Get", For(GetRequest.Parser), For(GetResponse.Parser));

    public static readonly GrpcMethod<DeleteRequest, DeleteResponse> Delete =
        new(GrpcMethodKind.Unary, Kv, "Delete", For(DeleteRequest.Parser), For(DeleteResponse.Parser));

    public static readonly GrpcMethod<BatchRequest, BatchResponse> Batch =
        new(GrpcMethodKind.Unary, Kv, "Batch", For(BatchRequest.Parser), For(BatchResponse.Parser));

    public static readonly GrpcMethod<ScanRequest, ScanResponse> Scan =
        new(GrpcMethodKind.ServerStreaming, Kv, "Scan", For(ScanRequest.Parser), For(ScanResponse.Parser));

    public static readonly GrpcMethod<StreamRequest, StreamResponse> Stream =
        new(GrpcMethodKind.Duplex, Kv, "Stream", For(StreamRequest.Parser), For(StreamResponse.Parser));

    public static readonly GrpcMethod<ClusterView, ClusterView> WatchCluster = new(
        GrpcMethodKind.ServerStreaming,
        "norikv.v1.Meta",
        "WatchCluster",
        For(ClusterView.Parser),
        For(ClusterView.Parser));

    private static Marshaller<T> For<T>(MessageParser<T> parser)
        where T : IMessage<T> =>
        new(
            static (message, output) => message.WriteTo(output),
            bytes => parser.ParseFrom(bytes),
            static message => message.CalculateSize());
}
