namespace Nori.Grpc;

/// <summary>A running client-streaming call.</summary>
/// <typeparam name="TRequest">The type of its requests.</typeparam>
/// <typeparam name="TResponse">The type of its response.</typeparam>
/// <remarks>One write at a time. Dispose it: an unfinished call is reset.</remarks>
public sealed class GrpcClientStreamingCall<TRequest, TResponse> : IAsyncDisposable, IDisposable
{
    private readonly Exchange _exchange;
    private readonly RequestWriter<TRequest> _requests;
    private readonly ResponseReader<TResponse> _responses;

    internal GrpcClientStreamingCall(
        Exchange exchange, RequestWriter<TRequest> requests, ResponseReader<TResponse> responses)
    {
        _exchange = exchange;
        _requests = requests;
        _responses = responses;
    }

    /// <summary>
    /// Sends a request. Completes when it was handed to the connection, which waits for a slow server.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="flush">False to let it wait for the next request; saves writes to the socket.</param>
    /// <exception cref="GrpcException">
    /// The call is over; its status comes from <see cref="CompleteAsync"/>.
    /// </exception>
    public ValueTask WriteAsync(TRequest request, bool flush = true) => _requests.WriteAsync(request, flush);

    /// <summary>Ends the requests and waits for the response.</summary>
    /// <exception cref="GrpcException">The call did not end with OK.</exception>
    public async Task<GrpcResponse<TResponse>> CompleteAsync()
    {
        try
        {
            await _requests.CompleteAsync().ConfigureAwait(false);
        }
        catch (GrpcException)
        {
            // The server answered early: what it says is with the response.
        }

        return await _responses.ReadSingleAsync().ConfigureAwait(false);
    }

    /// <summary>Resets the call unless it is over.</summary>
    public void Dispose()
    {
        _exchange.Dispose();
        _requests.Dispose();
    }

    /// <summary>Resets the call unless it is over.</summary>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
