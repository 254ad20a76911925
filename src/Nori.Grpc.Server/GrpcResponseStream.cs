namespace Nori.Grpc.Server;

/// <summary>The responses of a streaming call.</summary>
/// <typeparam name="T">The type of the responses.</typeparam>
/// <remarks>One write at a time; writing and reading requests may run at once.</remarks>
public sealed class GrpcResponseStream<T>
{
    private readonly ServerCallContext _context;
    private readonly Marshaller<T> _marshaller;

    internal GrpcResponseStream(ServerCallContext context, Marshaller<T> marshaller)
    {
        _context = context;
        _marshaller = marshaller;
    }

    /// <summary>
    /// Sends a response. Completes when there is room for another, so a slow client slows the handler.
    /// </summary>
    /// <param name="message">The response.</param>
    /// <param name="flush">
    /// False to let it wait for the next flush, up to 64 KiB; saves writes to the socket when several follow
    /// at once.
    /// </param>
    /// <exception cref="OperationCanceledException">The client is gone or does not read.</exception>
    public ValueTask WriteAsync(T message, bool flush = true)
    {
        _context.Output.Write(_marshaller, message);
        return flush || _context.Output.ShouldFlush ? _context.Output.FlushAsync() : ValueTask.CompletedTask;
    }

    /// <summary>Sends what was written without a flush; sends the headers when nothing was.</summary>
    /// <exception cref="OperationCanceledException">The client is gone or does not read.</exception>
    public ValueTask FlushAsync()
    {
        _context.Output.Begin();
        return _context.Output.FlushAsync();
    }
}
