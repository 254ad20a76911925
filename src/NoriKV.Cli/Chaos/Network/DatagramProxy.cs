using System.Net;
using System.Net.Sockets;
using Nori.Core;

namespace NoriKV.Cli.Chaos.Network;

/// <summary>
/// Passes datagrams between nodes: one socket for each, at the address where it is said to be. What arrives for one node leaves from
/// the socket of its sender, so that receivers see senders where they are said to be.
/// </summary>
internal sealed class DatagramProxy : IAsyncDisposable
{
    private const int DatagramBytesMax = 64 << 10;
    private readonly Socket[] _sockets;
    private readonly IPEndPoint[] _targets;
    private readonly LinkTable _links;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _passing;

    // Guards the dice.
    private readonly Lock _gate = new();
    private readonly Prng _dice;

    /// <param name="listen">Where nodes are said to be.</param>
    /// <param name="targets">Where they are.</param>
    /// <param name="links">What passes.</param>
    /// <param name="dice">Which datagrams are lost.</param>
    public DatagramProxy(IPEndPoint[] listen, IPEndPoint[] targets, LinkTable links, Prng dice)
    {
        (_targets, _links, _dice) = (targets, links, dice);
        _sockets = [.. listen.Select(static l =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(l);
            return socket;
        })];
        _passing = Task.WhenAll(Enumerable.Range(0, _sockets.Length).Select(PassAsync));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _passing.ConfigureAwait(false);
        foreach (Socket socket in _sockets) socket.Dispose();
    }

    private async Task PassAsync(int to)
    {
        byte[] buffer = new byte[DatagramBytesMax];
        var any = new IPEndPoint(IPAddress.Any, 0);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult got =
                    await _sockets[to].ReceiveFromAsync(buffer, any, _stop.Token).ConfigureAwait(false);
                int port = ((IPEndPoint)got.RemoteEndPoint).Port;
                int from = Array.FindIndex(_targets, t => t.Port == port);
                if (from < 0 || IsLost(_links[from, to])) continue;
                await _sockets[from].SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), _targets[to], _stop.Token)
                    .ConfigureAwait(false);
            }
            catch (SocketException)
            {
                // Nobody listens there now: lost, as datagrams are.
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private bool IsLost(Link link)
    {
        if (link.IsCut) return true;
        if (link.Loss <= 0) return false;
        lock (_gate) return _dice.Chance(link.Loss);
    }
}
