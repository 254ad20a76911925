using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Nori.Grpc.Server.Tests;

/// <summary>An HTTP/2 client that sends what a test tells it to, right or wrong.</summary>
internal sealed class RawHttp2 : IDisposable
{
    public const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8;
    public const byte EndStream = 1, EndHeaders = 4, Ack = 1;

    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();
    private readonly Socket _socket;

    private RawHttp2(Socket socket) => _socket = socket;

    public static async Task<RawHttp2> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        return new RawHttp2(socket);
    }

    /// <summary>
    /// Connects and shakes hands; <paramref name="windowBytes"/> is what the server may send on a stream.
    /// </summary>
    public static async Task<RawHttp2> OpenAsync(int port, int windowBytes = 65_535)
    {
        RawHttp2 raw = await ConnectAsync(port);
        byte[] window = [0, 4, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(window.AsSpan(2), windowBytes);
        await raw.SendAsync(Preface);
        await raw.SendFrameAsync(Settings, 0, 0, window);
        return raw;
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty) bytes = bytes[await _socket.SendAsync(bytes)..];
    }

    public Task SendFrameAsync(byte type, byte flags, int stream, ReadOnlyMemory<byte> payload) =>
        SendAsync(Frame(type, flags, stream, payload.Span));

    public Task SendCallAsync(int stream, string path, byte flags = EndHeaders) =>
        SendFrameAsync(Headers, flags, stream, CallHeaders(path));

    public static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>Headers of a call, each as a literal that is not indexed.</summary>
    public static byte[] CallHeaders(string path)
    {
        var block = new MemoryStream();
        foreach ((string name, string value) in new[]
        {
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        })
        {
            block.WriteByte(0);
            block.WriteByte((byte)name.Length);
            block.Write(Encoding.ASCII.GetBytes(name));
            block.WriteByte((byte)value.Length);
            block.Write(Encoding.ASCII.GetBytes(value));
        }

        return block.ToArray();
    }

    /// <summary>The next frame of one of the types; null when the server closed the connection.</summary>
    public async Task<(byte Type, byte Flags, int Stream, byte[] Payload)?> ReadFrameAsync(params byte[] types)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            byte[] head = new byte[9];
            if (!await FillAsync(head, patience.Token)) return null;
            byte[] payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >>> 8];
            if (!await FillAsync(payload, patience.Token)) return null;
            if (types.Length == 0 || types.Contains(head[3]))
                return (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)) & int.MaxValue, payload);
        }
    }

    /// <summary>
    /// Reads until the server closes the connection; false when it does not within the time.
    /// </summary>
    public async Task<bool> IsClosedWithinAsync(TimeSpan time)
    {
        using var patience = new CancellationTokenSource(time);
        byte[] sink = new byte[4096];
        try
        {
            while (await _socket.ReceiveAsync(sink, patience.Token) > 0)
            {
            }

            return true;
        }
        catch (SocketException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task<bool> FillAsync(Memory<byte> target, CancellationToken token)
    {
        while (!target.IsEmpty)
        {
            int read;
            try
            {
                read = await _socket.ReceiveAsync(target, token);
            }
            catch (SocketException)
            {
                return false;
            }

            if (read == 0) return false;
            target = target[read..];
        }

        return true;
    }
}
