using System.Net.Security;
using System.Net.Sockets;

namespace Nori.Grpc;

/// <summary>
/// The sender's end of a line (<see cref="FrameLineFormat"/>). Whoever adds a frame to an idle line's queue writes it to the
/// socket itself, as far as that takes it at once: no thread is woken to send.
/// </summary>
internal sealed class FrameLine : IAsyncDisposable
{
    // Frames up to here are put together; a larger one is written from where it is.
    private const int BufferBytes = 64 << 10;

    private readonly Stream _stream;
    private readonly FrameQueue _queue;
    private readonly CancellationTokenSource _ended;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _filled;
    private int _sending;

    private FrameLine(Stream stream, FrameQueue queue, CancellationTokenSource ended)
    {
        (_stream, _queue, _ended) = (stream, queue, ended);
    }

    /// <summary>Connects, and waits until the server knows whose line it is.</summary>
    /// <param name="channel">Where to, and how: as the call.</param>
    /// <param name="token">What the server gave in the call.</param>
    /// <param name="queue">What is sent.</param>
    /// <param name="ended">Cancelled when the line breaks.</param>
    /// <param name="cancellationToken">Gives up connecting.</param>
    /// <exception cref="IOException">It did not get there.</exception>
    public static async Task<FrameLine> ConnectAsync(
        GrpcChannelOptions channel, ReadOnlyMemory<byte> token, FrameQueue queue, CancellationTokenSource ended,
        CancellationToken cancellationToken)
    {
        Stream stream = await OpenAsync(channel, cancellationToken).ConfigureAwait(false);
        try
        {
            byte[] hello = [.. FrameLineFormat.Preface, .. token.Span];
            await stream.WriteAsync(hello, cancellationToken).ConfigureAwait(false);
            await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
            byte[] answer = new byte[1];
            int read = await stream.ReadAsync(answer, cancellationToken).ConfigureAwait(false);
            if (read != 1 || answer[0] != FrameLineFormat.Accepted) throw new IOException("The server does not know the line.");
            return new FrameLine(stream, queue, ended);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Completes when the other side closes the line.</summary>
    public async Task WatchAsync()
    {
        try
        {
            // The server sends nothing more: whatever comes is the end.
            await _stream.ReadAsync(new byte[1], _ended.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Also an end.
        }
    }

    /// <summary>Sends what the queue has, unless somebody does: they look again before they stop.</summary>
    // Hot path: called for each frame, by a thread that has other work.
    public void Kick()
    {
        if (Interlocked.Exchange(ref _sending, 1) != 0) return;
        ValueTask sending = SendAsync();
        // The socket was full: what is left goes on elsewhere, and SendAsync keeps what it throws.
        if (!sending.IsCompletedSuccessfully) _ = sending.AsTask();
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async ValueTask SendAsync()
    {
        try
        {
            do
            {
                while (_queue.TryTake(out ReadOnlyMemory<byte> frame, out bool isLast))
                    await WriteAsync(frame, isLast).ConfigureAwait(false);
                Interlocked.Exchange(ref _sending, 0);
                // Who added one in between found it busy.
            }
            while (!_queue.IsEmpty && Interlocked.Exchange(ref _sending, 1) == 0);
        }
        catch (Exception e) when (IsEnd(e))
        {
            // It stays busy: nothing more is written to a broken line.
            await _ended.CancelAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> frame, bool flush)
    {
        if (_filled + FrameLineFormat.HeadBytes + frame.Length > BufferBytes) await FlushAsync().ConfigureAwait(false);
        FrameLineFormat.WriteHead(_buffer.AsSpan(_filled), frame.Length);
        _filled += FrameLineFormat.HeadBytes;
        int together = Math.Min(frame.Length, BufferBytes - _filled);
        frame.Span[..together].CopyTo(_buffer.AsSpan(_filled));
        _filled += together;
        bool isLarge = together < frame.Length;
        if (flush || isLarge) await FlushAsync().ConfigureAwait(false);
        if (isLarge) await _stream.WriteAsync(frame[together..], _ended.Token).ConfigureAwait(false);
    }

    private async ValueTask FlushAsync()
    {
        if (_filled == 0) return;
        await _stream.WriteAsync(_buffer.AsMemory(0, _filled), _ended.Token).ConfigureAwait(false);
        _filled = 0;
    }

    private static async Task<Stream> OpenAsync(GrpcChannelOptions channel, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(channel.Address.DnsSafeHost, channel.Address.Port, cancellationToken).ConfigureAwait(false);
            LimitSilence(socket, channel);
            var plain = new NetworkStream(socket, ownsSocket: true);
            if (channel.Address.Scheme != Uri.UriSchemeHttps) return plain;
            return await GrpcChannel.SealAsync(plain, channel, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // What is sent and not acknowledged for so long breaks the connection. Not everywhere: the call's pings notice, too.
    private static void LimitSilence(Socket socket, GrpcChannelOptions channel)
    {
        const int tcp = 6, userTimeout = 18;
        if (!OperatingSystem.IsLinux() || channel.KeepAlivePingDelay == Timeout.InfiniteTimeSpan) return;
        int limit = (int)(channel.KeepAlivePingDelay + channel.KeepAlivePingTimeout).TotalMilliseconds;
        socket.SetRawSocketOption(tcp, userTimeout, BitConverter.GetBytes(limit));
    }

    internal static bool IsEnd(Exception e) =>
        e is IOException or SocketException or OperationCanceledException or ObjectDisposedException
            or System.Security.Authentication.AuthenticationException;
}
