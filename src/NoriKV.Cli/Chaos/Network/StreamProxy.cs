using System.Net;
using System.Net.Sockets;

namespace NoriKV.Cli.Chaos.Network;

/// <summary>Stands where a node is dialled by its peers and clients, and passes streams on as the links allow.</summary>
internal sealed class StreamProxy : IAsyncDisposable
{
    /// <summary>Connections at once; more are refused.</summary>
    private const int ConnectionsMax = 2048;
    private const int BufferBytes = 16 << 10;

    private readonly TcpListener _listener;
    private readonly IPEndPoint _target;
    private readonly int _to;
    private readonly LinkTable _links;
    private readonly SourceFinder _sources;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    // Guards _open.
    private readonly Lock _gate = new();
    private readonly Dictionary<Socket, int> _open = [];

    /// <param name="listen">Where the node is said to be.</param>
    /// <param name="target">Where it is.</param>
    /// <param name="to">Its party.</param>
    /// <param name="links">What passes.</param>
    /// <param name="sources">Who dials.</param>
    public StreamProxy(IPEndPoint listen, IPEndPoint target, int to, LinkTable links, SourceFinder sources)
    {
        (_target, _to, _links, _sources) = (target, to, links, sources);
        _listener = new TcpListener(listen);
        _listener.Start(backlog: 512);
        _accepting = AcceptAsync();
    }

    /// <summary>Breaks the connections from a party.</summary>
    public void Reset(int from)
    {
        Socket[] broken;
        lock (_gate) broken = [.. _open.Where(c => c.Value == from).Select(static c => c.Key)];
        foreach (Socket socket in broken) Abort(socket);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Stop();
        await _accepting.ConfigureAwait(false);
        Socket[] left;
        lock (_gate) left = [.. _open.Keys];
        foreach (Socket socket in left) Abort(socket);
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Socket inbound = await _listener.AcceptSocketAsync(_stop.Token).ConfigureAwait(false);
                _ = ServeAsync(inbound);
            }
            catch (SocketException)
            {
                // The caller was gone before it was accepted.
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket inbound)
    {
        using Socket outbound = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            inbound.NoDelay = true;
            int? party = await _sources.FindAsync(((IPEndPoint)inbound.RemoteEndPoint!).Port).ConfigureAwait(false);
            if (party is not { } from || !Enter(inbound, from)) return;
            (Link there, Link back) = (_links[from, _to], _links[_to, from]);
            await there.PassAsync(0, _stop.Token).ConfigureAwait(false);
            await back.PassAsync(0, _stop.Token).ConfigureAwait(false);
            await outbound.ConnectAsync(_target, _stop.Token).ConfigureAwait(false);
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            Task[] pumps = [PumpAsync(inbound, outbound, there, ends.Token), PumpAsync(outbound, inbound, back, ends.Token)];
            // One side closed: what the other still has to say is passed on by its own pump, unless it broke.
            Task first = await Task.WhenAny(pumps).ConfigureAwait(false);
            if (!first.IsCompletedSuccessfully) await ends.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(pumps).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Broken, refused, or the proxy ends: so the caller sees it broken.
            Abort(inbound);
        }
        finally
        {
            lock (_gate) _open.Remove(inbound);
            inbound.Dispose();
        }
    }

    private bool Enter(Socket inbound, int from)
    {
        lock (_gate) return _open.Count < ConnectionsMax && _open.TryAdd(inbound, from);
    }

    private static async Task PumpAsync(Socket source, Socket target, Link link, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[BufferBytes];
        while (true)
        {
            int bytes = await source.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            await link.PassAsync(bytes, cancellationToken).ConfigureAwait(false);
            if (bytes == 0)
            {
                target.Shutdown(SocketShutdown.Send);
                return;
            }

            for (int sent = 0; sent < bytes;)
                sent += await target.SendAsync(buffer.AsMemory(sent, bytes - sent), cancellationToken).ConfigureAwait(false);
        }
    }

    private static void Abort(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is closed.
        }
    }
}
