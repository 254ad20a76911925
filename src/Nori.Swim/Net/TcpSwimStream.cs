using System.Net;
using System.Net.Sockets;

namespace Nori.Swim.Net;

/// <summary>Streams over TCP: one connection, one request frame, one answer frame.</summary>
public sealed class TcpSwimStream : ISwimStream
{
    /// <summary>Requests taken at once; further connections are closed.</summary>
    public const int ConnectionsMax = 64;

    // After a refused accept: where the process has no descriptors left, the next would fail at once too.
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

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
        if (!IPEndPoint.TryParse(address, out IPEndPoint? target) || target.Port == 0) return null;
        using CancellationTokenSource deadline = new(_timeout, _time);
        using CancellationTokenSource either =
            CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation, _stopped.Token);
        using Socket socket = new(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target, either.Token).ConfigureAwait(false);
            using NetworkStream stream = new(socket);
            await SwimFrame.WriteAsync(stream, request, either.Token).ConfigureAwait(false);
            return await SwimFrame.ReadAsync(stream, _frameBytesMax, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (IsConnectionEnd(e))
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
            catch (Exception e) when (IsConnectionEnd(e))
            {
                // A connection that broke before it was taken ends nothing; a stop ends the loop above.
                await Task.Delay(AcceptPause, _time, _stopped.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
                using NetworkStream stream = new(socket);
                byte[]? request = await SwimFrame.ReadAsync(stream, _frameBytesMax, either.Token).ConfigureAwait(false);
                if (request is null) return;
                ReadOnlyMemory<byte>? reply = await answer(request, either.Token).ConfigureAwait(false);
                if (reply is { } bytes) await SwimFrame.WriteAsync(stream, bytes, either.Token).ConfigureAwait(false);
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (IsConnectionEnd(e))
            {
                // The peer went away or was too slow: it sees a closed connection and says so to its own core.
            }
            finally
            {
                Interlocked.Decrement(ref _connections);
            }
        }
    }

    private static bool IsConnectionEnd(Exception e) =>
        e is SocketException or IOException or OperationCanceledException or ObjectDisposedException;
}
