using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace NoriKV.Transport.Http;

/// <summary>
/// Reads a request's body within bounds of size, time and memory. Memory grows with what has arrived, never
/// with what a header promises: a thousand slow senders that announce a megabyte hold what they sent.
/// </summary>
internal sealed class BodyReader(HttpFacadeOptions options, TimeProvider time)
{
    private const int FirstBytes = 4096;
    private long _held;

    /// <summary>Bytes of bodies held now.</summary>
    public long Held => Interlocked.Read(ref _held);

    /// <summary>
    /// Reads the whole body. Whatever the outcome, the caller gives <see cref="BodyResult.Reserved"/> back by
    /// <see cref="Release"/> when the request is done.
    /// </summary>
    public async Task<BodyResult> ReadAsync(HttpContext http, int bytesMax)
    {
        if (http.Request.ContentLength > bytesMax) return new BodyResult(BodyOutcome.TooLarge, default, 0);
        using var slow = new CancellationTokenSource(options.BodyTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(slow.Token, http.RequestAborted);
        int expected = (int)(http.Request.ContentLength ?? 0);
        byte[] buffer = [];
        int length = 0;
        int reserved = 0;
        try
        {
            while (true)
            {
                if (length == buffer.Length)
                {
                    int size = Grow(length, expected, bytesMax);
                    if (!TryReserve(size - reserved)) return new BodyResult(BodyOutcome.NoMemory, default, reserved);
                    reserved = size;
                    Array.Resize(ref buffer, size);
                }

                int read = await http.Request.Body.ReadAsync(buffer.AsMemory(length), either.Token)
                    .ConfigureAwait(false);
                if (read == 0) return new BodyResult(BodyOutcome.Complete, buffer.AsMemory(0, length), reserved);
                length += read;
                if (length > bytesMax) return new BodyResult(BodyOutcome.TooLarge, default, reserved);
            }
        }
        catch (OperationCanceledException)
        {
            bool aborted = http.RequestAborted.IsCancellationRequested;
            return new BodyResult(aborted ? BodyOutcome.Aborted : BodyOutcome.TooSlow, default, reserved);
        }
        catch (BadHttpRequestException)
        {
            return new BodyResult(BodyOutcome.Malformed, default, reserved);
        }
        catch (IOException)
        {
            return new BodyResult(BodyOutcome.Aborted, default, reserved);
        }
    }

    /// <summary>Gives memory back to the common bound.</summary>
    public void Release(int reserved) => Interlocked.Add(ref _held, -reserved);

    // Doubles, but goes straight to what was announced once half of it is here; one byte more shows the end
    // or an excess.
    private static int Grow(int length, int expected, int bytesMax)
    {
        int next = length == 0 ? Math.Min(FirstBytes, bytesMax + 1) : (int)Math.Min(length * 2L, bytesMax + 1L);
        return expected >= next && expected <= next * 2L ? expected + 1
            : expected > 0 && expected < next ? Math.Max(expected, length) + 1
            : next;
    }

    private bool TryReserve(int bytes)
    {
        if (Interlocked.Add(ref _held, bytes) <= options.BodyBytesMax) return true;
        Interlocked.Add(ref _held, -bytes);
        return false;
    }
}
