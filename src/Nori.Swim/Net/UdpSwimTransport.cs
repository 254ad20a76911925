using System.Net;
using System.Net.Sockets;

namespace Nori.Swim.Net;

/// <summary>Datagrams over UDP.</summary>
public sealed class UdpSwimTransport : ISwimTransport
{
    /// <summary>Receive buffer asked of the kernel, in bytes.</summary>
    public const int ReceiveBufferBytes = 1 << 20;

    private const int ResolvedMax = 8192;

    // A wake is answered within this time; waking by a datagram to oneself would be lost where a firewall drops it.
    private static readonly TimeSpan WaitMax = TimeSpan.FromMilliseconds(50);

    private readonly Socket _socket;
    private readonly Dictionary<string, IPEndPoint> _resolved = new(StringComparer.Ordinal);
    private readonly bool _isSixth;
    private EndPoint _any;
    private volatile bool _isWoken;

    /// <param name="listen">Where to listen; port 0 takes a free one.</param>
    /// <param name="advertise">Where others reach it; null for where it listens.</param>
    /// <exception cref="SocketException">The port is taken or not allowed.</exception>
    public UdpSwimTransport(IPEndPoint listen, string? advertise = null)
    {
        ArgumentNullException.ThrowIfNull(listen);
        _isSixth = listen.AddressFamily == AddressFamily.InterNetworkV6;
        _socket = new Socket(listen.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (_isSixth && listen.Address.Equals(IPAddress.IPv6Any)) _socket.DualMode = true;
            _socket.ReceiveBufferSize = ReceiveBufferBytes;
            _socket.Blocking = false;
            _socket.Bind(listen);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }

        _any = new IPEndPoint(_isSixth ? IPAddress.IPv6Any : IPAddress.Any, 0);
        LocalEndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        LocalAddress = advertise ?? Text(LocalEndPoint);
    }

    /// <inheritdoc/>
    public string LocalAddress { get; }

    /// <summary>Where it listens.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Datagrams that the system refused to send.</summary>
    public long SendErrors { get; private set; }

    /// <inheritdoc/>
    public void Send(string address, ReadOnlySpan<byte> datagram)
    {
        try
        {
            if (Resolve(address) is { } target) _socket.SendTo(datagram, SocketFlags.None, target);
        }
        catch (SocketException)
        {
            // Full buffer, no route, firewall: to the protocol it is a lost datagram like any other.
            SendErrors++;
        }
    }

    /// <inheritdoc/>
    public bool TryReceive(Span<byte> buffer, out int length, out string source)
    {
        (length, source) = (0, string.Empty);
        try
        {
            // Not Available: that counts the bytes of the first datagram, and an empty one would hide all behind it.
            if (!_socket.Poll(TimeSpan.Zero, SelectMode.SelectRead)) return false;
            EndPoint from = _any;
            length = _socket.ReceiveFrom(buffer, SocketFlags.None, ref from);
            source = Text((IPEndPoint)from);
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock)
        {
            return false;
        }
        catch (SocketException)
        {
            // Too long for the buffer, or the echo of an earlier send: gone, and the next one may be good.
            (length, source) = (0, string.Empty);
            return true;
        }
    }

    /// <inheritdoc/>
    public void Wait(TimeSpan max)
    {
        if (!_isWoken) _socket.Poll(max < WaitMax ? max : WaitMax, SelectMode.SelectRead);
        _isWoken = false;
    }

    /// <inheritdoc/>
    public void Wake() => _isWoken = true;

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    internal static string Text(IPEndPoint point) => point.Address.IsIPv4MappedToIPv6
        ? new IPEndPoint(point.Address.MapToIPv4(), point.Port).ToString()
        : point.ToString();

    private IPEndPoint? Resolve(string address)
    {
        if (_resolved.TryGetValue(address, out IPEndPoint? known)) return known;
        if (!IPEndPoint.TryParse(address, out IPEndPoint? parsed) || parsed.Port == 0) return null;
        if (_isSixth && parsed.AddressFamily == AddressFamily.InterNetwork)
            parsed = new IPEndPoint(parsed.Address.MapToIPv6(), parsed.Port);
        if (_resolved.Count >= ResolvedMax) _resolved.Clear();
        return _resolved[address] = parsed;
    }
}
