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

    /// <summary>Sends a message; with <paramref name="flush"/> false it waits for the next that flushes.</summary>
    public async ValueTask WriteAsync(T message, bool flush)
    {
        if (Interlocked.Exchange(ref _writing, 1) != 0)
            throw new InvalidOperationException("A call takes one write at a time.");
        try
        {
            if (_completed) throw new InvalidOperationException("The requests are completed.");
            _buffer.Append(marshaller, message);
            if (!flush && _buffer.Written.Length < KeptBytesMax) return;
            Stream stream = await OpenedAsync().ConfigureAwait(false);
            await stream.WriteAsync(_buffer.Written, exchange.Token).ConfigureAwait(false);
            await stream.FlushAsync(exchange.Token).ConfigureAwait(false);
            Reset();
        }
        catch (Exception e) when (e is not InvalidOperationException)
        {
            throw Failure(e);
        }
        finally
        {
            Volatile.Write(ref _writing, 0);
        }
    }

    /// <summary>Says that no message follows.</summary>
    public async ValueTask CompleteAsync()
    {
        if (_completed) return;
        if (Interlocked.Exchange(ref _writing, 1) != 0)
            throw new InvalidOperationException("A call takes one write at a time.");
        try
        {
            _completed = true;
            if (_buffer.Written.Length > 0)
            {
                Stream stream = await OpenedAsync().ConfigureAwait(false);
                await stream.WriteAsync(_buffer.Written, exchange.Token).ConfigureAwait(false);
            }

            content.Complete();
        }
        catch (Exception e) when (e is not InvalidOperationException)
        {
            throw Failure(e);
        }
        finally
        {
            _buffer.Dispose();
            Volatile.Write(ref _writing, 0);
        }
    }

    /// <summary>Ends the body without waiting for anything; the array goes back when no write runs.</summary>
    public void Dispose()
    {
        content.Complete();
        if (Interlocked.Exchange(ref _writing, 1) != 0) return;
        _completed = true;
        _buffer.Dispose();
    }

    private async ValueTask<Stream> OpenedAsync()
    {
        Task<Stream> opened = content.Opened;
        return opened.IsCompleted
            ? await opened.ConfigureAwait(false)
            : await opened.WaitAsync(exchange.Token).ConfigureAwait(false);
    }

    private void Reset()
    {
        if (_buffer.Written.Length > KeptBytesMax)
            _buffer.Dispose();
        else
            _buffer.Clear();
    }

    // When the head of the response is there, the server ended the call and its status waits with the responses.
    private Exception Failure(Exception exception) =>
        exchange.Sending.IsCompletedSuccessfully && !exchange.Token.IsCancellationRequested
            ? new GrpcException(
                GrpcStatusCode.Cancelled, "The server ended the call; its status is with the responses.", exception)
            : exchange.Translate(exception);
}
