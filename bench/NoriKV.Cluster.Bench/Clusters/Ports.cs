using System.Net;
using System.Net.Sockets;

namespace NoriKV.Cluster.Bench.Clusters;

internal static class Ports
{
    /// <summary>Ports of loopback that were free just now, all different.</summary>
    public static int[] Free(int count)
    {
        Socket[] sockets = [.. Enumerable.Range(0, count).Select(static _ => new Socket(SocketType.Stream, ProtocolType.Tcp))];
        foreach (Socket socket in sockets) socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int[] ports = [.. sockets.Select(static socket => ((IPEndPoint)socket.LocalEndPoint!).Port)];
        foreach (Socket socket in sockets) socket.Dispose();
        return ports;
    }
}
