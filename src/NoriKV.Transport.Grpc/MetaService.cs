using Nori.Grpc;
using Nori.Grpc.Server;

namespace NoriKV.Transport.Grpc;

/// <summary>norikv.v1.Meta.</summary>
internal sealed class MetaService(GrpcTransportParts parts)
{
    public GrpcServiceDefinition Definition => new GrpcServiceDefinition(KvMethods.Meta)
        .AddServerStreaming(KvMethods.WatchCluster, WatchAsync);

    // The request is a view the client may hold; the current one is sent whatever it is. The node coalesces
    // changes for a client that reads slowly, and ends the sequence behind its last view when it stops.
    private async Task WatchAsync(
        Proto.V1.ClusterView known, GrpcResponseStream<Proto.V1.ClusterView> responses, ServerCallContext call)
    {
        await foreach (Types.ClusterView view in parts.Node.WatchAsync(call.CancellationToken).ConfigureAwait(false))
            await responses.WriteAsync(WireMessages.ToWire(view)).ConfigureAwait(false);
        call.CancellationToken.ThrowIfCancellationRequested();
        throw new GrpcException(GrpcStatusCode.Unavailable, parts.Node.CannotServeReason ?? "the server stops");
    }
}
