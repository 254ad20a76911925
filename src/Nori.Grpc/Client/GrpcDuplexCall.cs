using System.Runtime.CompilerServices;

namespace Nori.Grpc;

/// <summary>A running duplex call: requests and responses flow independently.</summary>
/// <typeparam name="TRequest">The type of its requests.</typeparam>
/// <typeparam name="TResponse">The type of its responses.</typeparam>
/// <remarks>
/// One write and one read at a time; the two may run at once. Dispose it: an unfinished call is reset.
/// </remarks>
public sealed class GrpcDuplexCall<TRequest, TResponse> : IAsyncDisposable, IDisposable
{
    private readonly Exchange _exchange;
    private readonly RequestWriter<TRequest> _requests;
    private readonly ResponseReader<TResponse> _responses;

    internal GrpcDuplexCall(
        Exchange exchange, RequestWriter<TRequest> requests, ResponseReader<TResponse> responses)
    {
        _exchange = exchange;
        _requests = requests;
        _responses = responses;
    }

    /// <summary>Metadata behind the responses; empty before the end.</summary>
    public Metadata Trailers => _responses.Trailers;

    /// <summary>Waits for the metadata before the responses.</summary>
    /// <exception cref="GrpcException">The call ended before, and not with OK.</exception>
    public ValueTask<Metadata> ReadHeadersAsync() => _responses.ReadHeadersAsync();

    /// <summary>
    /// Sends a request. Completes when it was handed to the connection, which waits for a slow server.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="flush">False to let it wait for the next request; saves writes to the socket.</param>
    /// <exception cref="GrpcException">The call is over; its status comes with the responses.</exception>
    public ValueTask WriteAsync(TRequest request, bool flush = true) => _requests.WriteAsync(request, flush);

    /// <summary>Says that no request follows; responses may go on.</summary>
    public ValueTask CompleteAsync() => _requests.CompleteAsync();

    /// <summary>
    /// Enumerates the responses; throws a <see cref="GrpcException"/> when the call does not end with OK.
    /// </summary>
    public async IAsyncEnumerable<TResponse> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using CancellationTokenRegistration cancels = cancellationToken.UnsafeRegister(
            static state => ((Exchange)state!).Cancel(), _exchange);
        while (await ResponseStep.MoveNextAsync(_responses, cancellationToken).ConfigureAwait(false))
            yield return _responses.Current;
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
