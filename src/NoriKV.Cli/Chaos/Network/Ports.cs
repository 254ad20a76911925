using System.Net;
using System.Net.Sockets;

namespace NoriKV.Cli.Chaos.Network;

/// <summary>
/// Ports that are free for TCP and UDP, below those that systems give to outgoing connections: a node that was killed must find its
/// own again.
/// </summary>
internal static class Ports
{
    private const int First = 15_000;
    private const int Behind = 31_000;

    /// <summary>So many different ones, looked for from a place that differs from process to process.</summary>
    public static int[] Take(int count)
    {
        var found = new List<int>();
        int at = First + (Environment.ProcessId * 131 % (Behind - First));
        for (int tries = 0; found.Count < count; tries++)
        {
            if (tries > Behind - First) throw new IOException($"there are no {count} free ports between {First} and {Behind}");
            at = at + 1 >= Behind ? First : at + 1;
            if (IsFree(at)) found.Add(at);
        }

        return [.. found];
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var tcp = new TcpListener(IPAddress.Loopback, port);
            tcp.Start();
            using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
