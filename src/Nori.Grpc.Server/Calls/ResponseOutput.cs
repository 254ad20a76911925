using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace Nori.Grpc.Server;

/// <summary>Writes response messages straight into Kestrel's output.</summary>
internal sealed class ResponseOutput(ServerCallContext context)
{
    private long _unflushed;
    private long _charged;

    /// <summary>Whether the response has a body, so that the status must follow in trailers.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether enough waits to be sent.</summary>
    public bool ShouldFlush => _unflushed >= RequestInput.SmallBytes;

    /// <summary>Puts the response's headers in place; the first bytes written send them.</summary>
    public void Begin()
    {
        if (HasBegun) return;
        HasBegun = true;
        ResponseHeaders.Write(context.HttpContext.Response, context.ResponseHeadersOrNull);
    }

    /// <summary>Writes a message without flushing.</summary>
    public void Write<T>(Marshaller<T> marshaller, T message)
    {
        Begin();
        _unflushed += FrameReader.PrefixBytes
            + FrameWriter.Write(context.HttpContext.Response.BodyWriter, marshaller, message);
    }

    /// <summary>
    /// Writes the last message. A small one goes out together with the trailers; for a large one the call
    /// waits until the client has taken it, so that it counts as running and its bytes as buffered until
    /// then.
    /// </summary>
    public ValueTask WriteLastAsync<T>(Marshaller<T> marshaller, T message)
    {
        Write(marshaller, message);
        return ShouldFlush ? FlushAsync() : ValueTask.CompletedTask;
    }

    /// <summary>Sends what was written.</summary>
    public ValueTask FlushAsync()
    {
        if (_unflushed > RequestInput.SmallBytes)
        {
            if (!context.Dispatcher.Budget.TryCharge(_unflushed))
                throw context.Dispatcher.Overloaded("The server's buffers are full.");
            _charged = _unflushed;
        }

        _unflushed = 0;
        ValueTask<FlushResult> flush = context.HttpContext.Response.BodyWriter.FlushAsync();
        if (!flush.IsCompletedSuccessfully) return WaitAsync(flush);
        Finish(flush.Result);
        return ValueTask.CompletedTask;
    }

    /// <summary>Gives back what is still charged.</summary>
    public void Release()
    {
        if (_charged == 0) return;
        context.Dispatcher.Budget.Release(_charged);
        _charged = 0;
    }

    private async ValueTask WaitAsync(ValueTask<FlushResult> flush)
    {
        GrpcServerOptions options = context.Dispatcher.Options;
        Task<FlushResult> task = flush.AsTask();
        try
        {
            Finish(await task.WaitAsync(options.SendTimeout, options.TimeProvider, context.CancellationToken)
                .ConfigureAwait(false));
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // The client does not read: nothing that we could send would reach it either.
            context.HttpContext.Abort();
            throw context.ClientLeft(e);
        }
        catch (IOException e)
        {
            throw context.ClientLeft(e);
        }
    }

    private void Finish(FlushResult result)
    {
        Release();
        if (result.IsCompleted || result.IsCanceled) throw context.ClientLeft();
    }
}
