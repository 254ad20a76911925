using System.Net;

namespace Nori.Grpc;

/// <summary>A request body that stays open while the caller writes messages.</summary>
internal sealed class StreamingContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The stream to write to, once the headers were sent; fails when the call did.</summary>
    public Task<Stream> Opened => _opened.Task;

    /// <summary>Ends the body.</summary>
    public void Complete() => _completed.TrySetResult();

    /// <summary>
    /// Fails writers when sending fails before the body was opened, and ends the body when it is over.
    /// </summary>
    public void FailWith(Task<HttpResponseMessage> sending)
    {
        _ = sending.ContinueWith(
            static (task, state) =>
            {
                var content = (StreamingContent)state!;
                if (task.IsCompletedSuccessfully) return;
                Exception cause = task.Exception?.InnerException ?? new OperationCanceledException();
                content._opened.TrySetException(cause);
                _ = content._opened.Task.Exception;
                content._completed.TrySetResult();
            },
            this,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // Without a flush the headers wait for the first message, which may depend on the server's answer.
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        if (!_opened.TrySetResult(stream)) throw new IOException("A stream of messages cannot be sent twice.");
        await _completed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
