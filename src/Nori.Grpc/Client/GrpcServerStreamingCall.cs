namespace Nori.Grpc;

/// <summary>A running server-streaming call: enumerate it once, or dispose it.</summary>
/// <typeparam name="TResponse">The type of its responses.</typeparam>
/// <remarks>Leaving the enumeration early resets the call. Not thread-safe.</remarks>
public sealed class GrpcServerStreamingCall<TResponse> : IAsyncEnumerable<TResponse>, IAsyncDisposable, IDisposable
{
    private readonly Exchange _exchange;
    private readonly ResponseReader<TResponse> _responses;

    internal GrpcServerStreamingCall(Exchange exchange, ResponseReader<TResponse> responses)
    {
        _exchange = exchange;
        _responses = responses;
    }

    /// <summary>Metadata behind the responses; empty before the end.</summary>
    public Metadata Trailers => _responses.Trailers;

    /// <summary>Waits for the metadata before the responses.</summary>
    /// <exception cref="GrpcException">The call ended before, and not with OK.</exception>
    public ValueTask<Metadata> ReadHeadersAsync() => _responses.ReadHeadersAsync();

    /// <summary>
    /// Enumerates the responses; throws a <see cref="GrpcException"/> when the call does not end with OK.
    /// </summary>
    public async IAsyncEnumerator<TResponse> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        using CancellationTokenRegistration cancels = cancellationToken.UnsafeRegister(
            static state => ((Exchange)state!).Cancel(), _exchange);
        try
        {
            while (await ResponseStep.MoveNextAsync(_responses, cancellationToken).ConfigureAwait(false))
                yield return _responses.Current;
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>Resets the call unless it is over.</summary>
    public void Dispose() => _exchange.Dispose();

    /// <summary>Resets the call unless it is over.</summary>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
