using System.Runtime.CompilerServices;
using Nori.Grpc;
using NoriKV.Proto.V1;

namespace NoriKV.Client.Transport;

/// <summary><see cref="ICallPipe"/> over a duplex gRPC call.</summary>
internal sealed class GrpcCallPipe(GrpcDuplexCall<StreamRequest, StreamResponse> call, TlsSuspicion suspicion) : ICallPipe
{
    public async ValueTask WriteAsync(StreamRequest request)
    {
        try
        {
            await call.WriteAsync(request).ConfigureAwait(false);
        }
        catch (GrpcException e)
        {
            throw suspicion.Judge(e);
        }
    }

    public async IAsyncEnumerable<StreamResponse> ReadAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (StreamResponse response in GrpcNodeTransport.TranslateAsync(
            call.ReadAllAsync(cancellationToken), suspicion, cancellationToken).ConfigureAwait(false)) yield return response;
    }

    public ValueTask DisposeAsync() => call.DisposeAsync();
}
