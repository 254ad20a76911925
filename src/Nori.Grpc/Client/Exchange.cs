using System.Net;
using System.Net.Http.Headers;

namespace Nori.Grpc;

/// <summary>
/// One HTTP/2 request and its response, with the call's deadline and cancellation. Disposing an unfinished
/// exchange resets its stream.
/// </summary>
internal sealed class Exchange : IDisposable
{
    private readonly HttpRequestMessage _request;
    private readonly GrpcCallOptions _options;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenRegistration _callerCancels;
    private readonly CancellationTokenRegistration _channelCloses;
    private HttpResponseMessage? _response;
    private int _disposed;

    public Exchange(
        GrpcChannelOptions channel,
        string path,
        GrpcCallOptions options,
        HttpContent content,
        CancellationToken channelClosed)
    {
        _options = options;
        _request = CreateRequest(channel, path, options, content);
        if (options.Timeout is { } timeout)
        {
            // Timers take no more than 2^32 - 2 milliseconds (49 days).
            var longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);
            TimeSpan delay = timeout <= TimeSpan.Zero ? TimeSpan.Zero : timeout > longest ? longest : timeout;
            _stop = new CancellationTokenSource(delay, channel.TimeProvider);
        }
        else
        {
            _stop = new CancellationTokenSource();
        }

        Token = _stop.Token;
        _callerCancels = options.CancellationToken.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).Cancel(), _stop);
        // The HTTP handler lets running requests finish when it is disposed; a call without a deadline never
        // would.
        _channelCloses = channelClosed.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).Cancel(), _stop);
    }

    /// <summary>Cancelled by the deadline, the caller or dispose.</summary>
    public CancellationToken Token { get; }

    /// <summary>The response's head, once it arrives.</summary>
    public Task<HttpResponseMessage> Sending { get; private set; } = null!;

    /// <summary>Sends the request.</summary>
    public void Start(HttpMessageInvoker invoker) => Sending = SendAsync(invoker);

    /// <summary>Resets the stream.</summary>
    public void Cancel()
    {
        if (Volatile.Read(ref _disposed) == 0) _stop.Cancel();
    }

    /// <summary>What the caller is to see of an exception that came out of HTTP.</summary>
    public Exception Translate(Exception exception)
    {
        if (exception is GrpcException) return exception;
        if (_options.CancellationToken.IsCancellationRequested)
        {
            return new OperationCanceledException(
                "The call was cancelled by its caller.", exception, _options.CancellationToken);
        }

        if (Volatile.Read(ref _disposed) != 0)
            return new GrpcException(GrpcStatusCode.Cancelled, "The call was disposed.", exception);
        if (Token.IsCancellationRequested)
        {
            return _options.Timeout is { } timeout
                ? new GrpcException(
                    GrpcStatusCode.DeadlineExceeded,
                    $"The call took longer than {timeout.TotalMilliseconds:0.###} ms.",
                    exception)
                : new GrpcException(GrpcStatusCode.Cancelled, "The call was cancelled.", exception);
        }

        return HttpStatusMapping.FromException(exception);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _callerCancels.Dispose();
        _channelCloses.Dispose();
        // Cancel before dispose: a request that still waits for its response is reset by its token only.
        if (!Sending.IsCompletedSuccessfully) _stop.Cancel();
        _response?.Dispose();
        _request.Dispose();
        _stop.Dispose();
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMessageInvoker invoker)
    {
        Task<HttpResponseMessage> sending = invoker.SendAsync(_request, Token);
        HttpResponseMessage response;
        try
        {
            // The handler is given the token and mostly obeys; while it connects or another call's frame is stuck in the socket
            // it may not. A deadline is kept whatever it does.
            response = await sending.WaitAsync(Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Abandon(sending);
            throw;
        }

        _response = response;
        if (Volatile.Read(ref _disposed) != 0) response.Dispose();
        return response;
    }

    /// <summary>What comes of it later is nobody's: a response is reset, a failure is seen.</summary>
    private static void Abandon(Task<HttpResponseMessage> sending) => _ = sending.ContinueWith(
        static task =>
        {
            if (task.IsCompletedSuccessfully) task.Result.Dispose();
            else _ = task.Exception;
        },
        CancellationToken.None,
        TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);

    private static HttpRequestMessage CreateRequest(
        GrpcChannelOptions channel, string path, GrpcCallOptions options, HttpContent content)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(channel.Address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.TryAddWithoutValidation("content-type", "application/grpc");
        HttpRequestHeaders headers = request.Headers;
        // The authority is the name that TLS asks for: what stands before servers compares the two.
        if (channel.Tls?.TargetHost is { Length: > 0 } name) headers.Host = name;
        headers.TryAddWithoutValidation("te", "trailers");
        headers.TryAddWithoutValidation("user-agent", channel.UserAgent);
        headers.TryAddWithoutValidation("grpc-accept-encoding", "identity");
        if (options.Timeout is { } timeout)
            headers.TryAddWithoutValidation("grpc-timeout", GrpcTimeout.Format(timeout));
        if (options.Headers is { } metadata)
        {
            foreach (MetadataEntry entry in metadata) headers.TryAddWithoutValidation(entry.Key, entry.WireValue);
        }

        return request;
    }
}
