using System.Net;

namespace Nori.Grpc;

/// <summary>A request body of one framed message in a pooled buffer.</summary>
/// <remarks>
/// The handler may send the body more than once (a stream refused by a closing connection is retried on
/// another), and may still be copying from it when the response is already there. So the buffer is counted:
/// one for the owner, one for each send that runs; the last one returns it to the pool.
/// </remarks>
internal sealed class SingleMessageContent(FrameBuffer buffer, RequestHandover? handover) : HttpContent
{
    private int _users = 1;
    private int _disposed;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (!TryEnter()) throw new IOException("The call is over.");
        try
        {
            ReadOnlyMemory<byte> rest = buffer.Written;
            if (handover is not null)
            {
                // Without its last byte it is no request: whether that goes is decided once, here or by who withholds it.
                await stream.WriteAsync(rest[..^1], cancellationToken).ConfigureAwait(false);
                if (!handover.TryGive()) throw new IOException("The call is over.");
                rest = rest[^1..];
            }

            await stream.WriteAsync(rest, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = buffer.Written.Length;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0) Leave();
        base.Dispose(disposing);
    }

    private bool TryEnter()
    {
        int users = Volatile.Read(ref _users);
        while (users > 0)
        {
            int seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users) return true;
            users = seen;
        }

        return false;
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0) buffer.Dispose();
    }
}
