namespace Nori.Grpc;

/// <summary>Writes the messages of a streaming request.</summary>
internal sealed class RequestWriter<T>(Exchange exchange, StreamingContent content, Marshaller<T> marshaller)
    : IDisposable
{
    // A longer message's array is not kept for the next one.
    private const int KeptBytesMax = 256 * 1024;

    private readonly FrameBuffer _buffer = new();
    private int _writing;
    private bool _completed;
    private volatile bool _disposed;

    /// <summary>
    /// Sends a message; with <paramref name="flush"/> false it waits for the next that flushes.
    /// </summary>
    public async ValueTask WriteAsync(T message, bool flush)
    {
        Enter();
        try
        {
            if (_completed) throw new InvalidOperationException("The requests are completed.");
            _buffer.Append(marshaller, message);
            if (flush || _buffer.Written.Length >= KeptBytesMax) await SendAsync(flush: true).ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Says that no message follows.</summary>
    public async ValueTask CompleteAsync()
    {
        Enter();
        try
        {
            if (_completed) return;
            _completed = true;
            // The end of the body flushes what is before it.
            if (_buffer.Written.Length > 0) await SendAsync(flush: false).ConfigureAwait(false);
            content.Complete();
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Ends the body without waiting for anything; the array goes back once no write runs.</summary>
    public void Dispose()
    {
        _disposed = true;
        content.Complete();
        if (Interlocked.Exchange(ref _writing, 1) == 0) Leave();
    }

    private async ValueTask SendAsync(bool flush)
    {
        try
        {
            Task<Stream> opened = content.Opened;
            Stream stream = opened.IsCompleted
                ? await opened.ConfigureAwait(false)
                : await opened.WaitAsync(exchange.Token).ConfigureAwait(false);
            await stream.WriteAsync(_buffer.Written, exchange.Token).ConfigureAwait(false);
            if (flush) await stream.FlushAsync(exchange.Token).ConfigureAwait(false);
            if (_buffer.Written.Length > KeptBytesMax)
                _buffer.Dispose();
            else
                _buffer.Clear();
        }
        catch (Exception e)
        {
            throw Failure(e);
        }
    }

    private void Enter()
    {
        if (_disposed) throw new GrpcException(GrpcStatusCode.Cancelled, "The call was disposed.");
        if (Interlocked.Exchange(ref _writing, 1) != 0)
            throw new InvalidOperationException("A call takes one write at a time.");
    }

    private void Leave()
    {
        if (_disposed) _buffer.Dispose();
        Volatile.Write(ref _writing, 0);
    }

    // When the head of the response is there, the server ended the call and its status waits with the
    // responses.
    private Exception Failure(Exception exception) =>
        exchange.Sending.IsCompletedSuccessfully && !exchange.Token.IsCancellationRequested
            ? new GrpcException(
                GrpcStatusCode.Cancelled, "The server ended the call; its status is with the responses.", exception)
            : exchange.Translate(exception);
}
