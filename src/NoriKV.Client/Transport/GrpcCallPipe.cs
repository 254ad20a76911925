using System.Runtime.CompilerServices;
using Nori.Grpc;
using NoriKV.Proto.V1;

namespace NoriKV.Client.Transport;

/// <summary><see cref="ICallPipe"/> over a duplex gRPC call.</summary>
internal sealed class GrpcCallPipe(GrpcDuplexCall<StreamRequest, StreamResponse> call, TlsSuspicion suspicion) : ICallPipe
{
    private readonly TaskCompletionSource _stands = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // A node sends its headers at once. That the connection was made says nothing: a frozen node's kernel makes it.
    public Task Stands => _stands.Task;

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
            AllAsync(cancellationToken), suspicion, cancellationToken).ConfigureAwait(false)) yield return response;
    }

    public ValueTask DisposeAsync() => call.DisposeAsync();

    private async IAsyncEnumerable<StreamResponse> AllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await call.ReadHeadersAsync().ConfigureAwait(false);
        _stands.TrySetResult();
        await foreach (StreamResponse response in call.ReadAllAsync(cancellationToken).ConfigureAwait(false)) yield return response;
    }
}
