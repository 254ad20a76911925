using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Nori.Swim.Net;

// A frame: length u32 little-endian | envelope. One request frame, one answer frame, then the connection closes.

/// <summary>Streams over TCP, one connection a request.</summary>
public sealed class TcpSwimStream : ISwimStream
{
    /// <summary>Requests taken at once; further connections are closed.</summary>
    public const int ConnectionsMax = 64;

    private readonly Socket _listener;
    private readonly int _frameBytesMax;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopped = new();
    private int _connections;
    private Task _accepting = Task.CompletedTask;

    /// <param name="listen">Where to listen; port 0 takes a free one.</param>
    /// <param name="frameBytesMax">Longer frames are refused unread.</param>
    /// <param name="timeout">For a whole request, on both sides.</param>
    /// <param name="time">Measures the timeout.</param>
    /// <exception cref="SocketException">The port is taken or not allowed.</exception>
    public TcpSwimStream(IPEndPoint listen, int frameBytesMax, TimeSpan timeout, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(listen);
        (_frameBytesMax, _timeout, _time) = (frameBytesMax, timeout, time);
        _listener = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (listen.Address.Equals(IPAddress.IPv6Any)) _listener.DualMode = true;
            _listener.Bind(listen);
            _listener.Listen(ConnectionsMax);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        LocalEndPoint = (IPEndPoint)_listener.LocalEndPoint!;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <inheritdoc/>
    public void Start(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> answer) =>
        _accepting = AcceptAsync(answer);

    /// <inheritdoc/>
    public async ValueTask<byte[]?> ExchangeAsync(
        string address, ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        if (!IPEndPoint.TryParse(address, out IPEndPoint? target)) return null;
        using CancellationTokenSource deadline = new(_timeout, _time);
        using CancellationTokenSource either =
            CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation, _stopped.Token);
        using Socket socket = new(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target, either.Token).ConfigureAwait(false);
            await WriteAsync(socket, request, either.Token).ConfigureAwait(false);
            return await ReadAsync(socket, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_stopped.IsCancellationRequested) return;
        await _stopped.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
    }

    private async Task AcceptAsync(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> answer)
    {
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                Socket socket = await _listener.AcceptAsync(_stopped.Token).ConfigureAwait(false);
                if (Interlocked.Increment(ref _connections) > ConnectionsMax)
                {
                    Interlocked.Decrement(ref _connections);
                    socket.Dispose();
                }
                else
                {
                    _ = ServeAsync(socket, answer);
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // A connection that broke before it was taken ends nothing; a stop ends the loop above.
            }
        }
    }

    private async Task ServeAsync(
        Socket socket, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> answer)
    {
        using CancellationTokenSource deadline = new(_timeout, _time);
        using CancellationTokenSource either =
            CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stopped.Token);
        using (socket)
        {
            try
            {
                socket.NoDelay = true;
                byte[]? request = await ReadAsync(socket, either.Token).ConfigureAwait(false);
                if (request is null) return;
                ReadOnlyMemory<byte>? reply = await answer(request, either.Token).ConfigureAwait(false);
                if (reply is { } bytes) await WriteAsync(socket, bytes, either.Token).ConfigureAwait(false);
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The peer went away or was too slow: it sees a closed connection and says so to its own core.
            }
            finally
            {
                Interlocked.Decrement(ref _connections);
            }
        }
    }

    private static async Task WriteAsync(Socket socket, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        byte[] frame = new byte[4 + payload.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)payload.Length);
        payload.CopyTo(frame.AsMemory(4));
        for (int sent = 0; sent < frame.Length;)
            sent += await socket.SendAsync(frame.AsMemory(sent), cancellation).ConfigureAwait(false);
    }

    private async Task<byte[]?> ReadAsync(Socket socket, CancellationToken cancellation)
    {
        byte[] length = new byte[4];
        if (!await FillAsync(socket, length, cancellation).ConfigureAwait(false)) return null;
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(length);
        if (count > _frameBytesMax) return null;

        // Memory follows what arrives, not what a stranger announces.
        byte[] frame = new byte[Math.Min(count, 64 * 1024)];
        for (int filled = 0; ;)
        {
            if (!await FillAsync(socket, frame.AsMemory(filled), cancellation).ConfigureAwait(false)) return null;
            filled = frame.Length;
            if (filled == count) return frame;
            Array.Resize(ref frame, (int)Math.Min(count, 2L * filled));
        }
    }

    private static async Task<bool> FillAsync(Socket socket, Memory<byte> buffer, CancellationToken cancellation)
    {
        while (!buffer.IsEmpty)
        {
            int count = await socket.ReceiveAsync(buffer, cancellation).ConfigureAwait(false);
            if (count == 0) return false;
            buffer = buffer[count..];
        }

        return true;
    }
}
