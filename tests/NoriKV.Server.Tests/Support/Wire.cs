using System.Text;
using Google.Protobuf;
using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Proto.V1;

namespace NoriKV.Server.Tests;

/// <summary>The methods as a client of the proto has them, and what tests say often.</summary>
internal static class Wire
{
    public static readonly GrpcMethod<PutRequest, PutResponse> Put =
        Unary("norikv.v1.Kv", "Put", PutRequest.Parser, PutResponse.Parser);

    public static readonly GrpcMethod<GetRequest, GetResponse> Get =
        Unary("norikv.v1.Kv", "Get", GetRequest.Parser, GetResponse.Parser);

    public static readonly GrpcMethod<DeleteRequest, DeleteResponse> Delete =
        Unary("norikv.v1.Kv", "Delete", DeleteRequest.Parser, DeleteResponse.Parser);

    public static readonly GrpcMethod<BatchRequest, BatchResponse> Batch =
        Unary("norikv.v1.Kv", "Batch", BatchRequest.Parser, BatchResponse.Parser);

    public static readonly GrpcMethod<ScanRequest, ScanResponse> Scan =
        Make(GrpcMethodKind.ServerStreaming, "norikv.v1.Kv", "Scan", ScanRequest.Parser, ScanResponse.Parser);

    public static readonly GrpcMethod<StreamRequest, StreamResponse> Stream =
        Make(GrpcMethodKind.Duplex, "norikv.v1.Kv", "Stream", StreamRequest.Parser, StreamResponse.Parser);

    public static readonly GrpcMethod<ClusterView, ClusterView> Watch = Make(
        GrpcMethodKind.ServerStreaming, "norikv.v1.Meta", "WatchCluster", ClusterView.Parser, ClusterView.Parser);

    public static readonly GrpcMethod<ShardInfo, ShardInfo> Transfer =
        Unary("norikv.v1.Admin", "TransferShard", ShardInfo.Parser, ShardInfo.Parser);

    public static readonly GrpcMethod<ShardInfo, ShardInfo> Snapshot =
        Unary("norikv.v1.Admin", "SnapshotShard", ShardInfo.Parser, ShardInfo.Parser);

    public static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> HealthCheck = new(
        GrpcMethodKind.Unary, "grpc.health.v1.Health", "Check", Marshallers.Bytes, Marshallers.Bytes);

    public static ByteString Bytes(string text) => ByteString.CopyFrom(text, Encoding.UTF8);

    public static Task<PutResponse> PutAsync(this TestServer server, string key, string value) =>
        server.Rpc.UnaryAsync(Put, new PutRequest { Key = Bytes(key), Value = Bytes(value) });

    public static Task<GetResponse> GetAsync(this TestServer server, string key, string consistency = "") =>
        server.Rpc.UnaryAsync(Get, new GetRequest { Key = Bytes(key), Consistency = consistency });

    /// <summary>The failure of a call that must fail.</summary>
    public static async Task<GrpcException> FailsAsync<T>(Task<T> call) =>
        await Assert.ThrowsAsync<GrpcException>(() => call);

    private static GrpcMethod<TRequest, TResponse> Unary<TRequest, TResponse>(
        string service, string name, MessageParser<TRequest> request, MessageParser<TResponse> response)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => Make(GrpcMethodKind.Unary, service, name, request, response);

    private static GrpcMethod<TRequest, TResponse> Make<TRequest, TResponse>(
        GrpcMethodKind kind, string service, string name, MessageParser<TRequest> request,
        MessageParser<TResponse> response)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        new(kind, service, name, ProtobufMarshaller.For(request), ProtobufMarshaller.For(response));
}
