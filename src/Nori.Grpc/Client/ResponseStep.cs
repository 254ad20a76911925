namespace Nori.Grpc;

/// <summary>One step of an enumeration that has a cancellation token of its own.</summary>
internal static class ResponseStep
{
    public static async ValueTask<bool> MoveNextAsync<T>(ResponseReader<T> responses, CancellationToken token)
    {
        try
        {
            return await responses.MoveNextAsync().ConfigureAwait(false);
        }
        catch (GrpcException e) when (token.IsCancellationRequested
            && e.Code is GrpcStatusCode.Cancelled or GrpcStatusCode.DeadlineExceeded)
        {
            throw new OperationCanceledException("The enumeration was cancelled.", e, token);
        }
    }
}
