using System.Net;
using System.Net.Sockets;

namespace Nori.Testing;

/// <summary>
/// Ports of loopback for servers that must be found where they were before a restart. They lie below those that the system gives to
/// outgoing connections: one of these could take the port while its server is down, even by connecting to itself.
/// </summary>
internal static class FreePort
{
    private const int First = 20_000;
    private const int Count = 12_000;

    /// <summary>A port that was free a moment ago, for TCP and for UDP.</summary>
    public static int Next()
    {
        while (true)
        {
            int port = First + Random.Shared.Next(Count);
            if (IsFree(port, SocketType.Stream, ProtocolType.Tcp) && IsFree(port, SocketType.Dgram, ProtocolType.Udp)) return port;
        }
    }

    private static bool IsFree(int port, SocketType type, ProtocolType protocol)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, type, protocol);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
