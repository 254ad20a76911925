using System.Net;
using System.Net.Sockets;

namespace Nori.Swim.Net;

/// <summary>One number for both: TCP first, then UDP at the same one; a clash on a free number is tried again.</summary>
internal static class SwimPorts
{
    private const int TriesMax = 16;

    public static (UdpSwimTransport Transport, TcpSwimStream Stream) Bind(
        string listen, string? advertise, int frameBytesMax, TimeSpan timeout, TimeProvider time)
    {
        if (!IPEndPoint.TryParse(listen, out IPEndPoint? point))
            throw new ArgumentException("not an address to listen on, ip:port: " + listen, nameof(listen));
        for (int tries = 1; ; tries++)
        {
            TcpSwimStream stream = new(point, frameBytesMax, timeout, time);
            try
            {
                IPEndPoint same = new(point.Address, stream.LocalEndPoint.Port);
                return (new UdpSwimTransport(same, WithPort(advertise, same.Port)), stream);
            }
            catch (SocketException) when (point.Port == 0 && tries < TriesMax)
            {
                _ = stream.DisposeAsync().AsTask();
            }
            catch
            {
                _ = stream.DisposeAsync().AsTask();
                throw;
            }
        }
    }

    private static string? WithPort(string? advertise, int port) =>
        advertise is null || !IPEndPoint.TryParse(advertise, out IPEndPoint? point) || point.Port != 0
            ? advertise
            : new IPEndPoint(point.Address, port).ToString();
}
