using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Nori.Core;
using Nori.Swim.Net;

namespace Nori.Swim.Tests;

/// <summary>UDP and TCP as strangers use them.</summary>
public sealed class PortTests
{
    private const int FrameMax = 100_000;
    private static readonly IPEndPoint Loopback = new(IPAddress.Loopback, 0);

    // An empty datagram has no bytes to be counted as available, and must not hide what comes behind it.
    [Fact]
    public void An_empty_datagram_does_not_block_those_behind_it()
    {
        using UdpSwimTransport transport = new(Loopback);
        using Socket stranger = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        stranger.SendTo([], transport.LocalEndPoint);
        stranger.SendTo("good"u8, transport.LocalEndPoint);
        byte[] buffer = new byte[100];
        List<int> lengths = [];
        for (int i = 0; i < 200 && lengths.Count < 2; i++)
        {
            if (transport.TryReceive(buffer, out int length, out _)) lengths.Add(length);
            else transport.Wait(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal([0, 4], lengths);
        Assert.False(transport.TryReceive(buffer, out _, out _));
    }

    // hashicorp/memberlist#242: an error of the socket must not be more than a lost datagram.
    [Fact]
    public void A_datagram_that_the_system_refuses_is_counted_and_lost()
    {
        using UdpSwimTransport transport = new(Loopback);
        transport.Send("255.255.255.255:9", "x"u8);
        transport.Send("no address", "x"u8);
        transport.Send("127.0.0.1:0", "x"u8);
        transport.Send("127.0.0.1:9", new byte[70_000]);
        Assert.Equal(2, transport.SendErrors);
    }

    [Fact]
    public async Task Frames_cut_anywhere_and_arriving_in_any_pieces_are_read_or_refused()
    {
        const ulong seed = 11;
        Prng prng = new(seed);
        for (int i = 0; i < 3_000; i++)
        {
            byte[] payload = new byte[prng.NextInt(prng.Chance(0.1) ? 90_000 : 300)];
            prng.Fill(payload);
            using MemoryStream whole = new();
            await SwimFrame.WriteAsync(whole, payload, default);
            byte[] bytes = whole.ToArray();
            int cut = prng.Chance(0.5) ? bytes.Length : prng.NextInt(bytes.Length);
            byte[]? read = await SwimFrame.ReadAsync(new Pieces(bytes[..cut], prng), FrameMax, default);
            string message = $"seed {seed}, round {i}: {cut} of {bytes.Length} bytes";
            if (cut == bytes.Length) Assert.True(read is not null && read.AsSpan().SequenceEqual(payload), message);
            else Assert.True(read is null, message);
        }
    }

    [Fact]
    public async Task Announced_lengths_of_strangers_take_no_more_memory_than_what_arrives()
    {
        const ulong seed = 12;
        Prng prng = new(seed);
        for (int i = 0; i < 2_000; i++)
        {
            byte[] bytes = new byte[4 + prng.NextInt(2_000)];
            prng.Fill(bytes);
            if (prng.Chance(0.5)) BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)prng.NextInt(3 * bytes.Length));
            uint announced = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            Pieces pieces = new(bytes, prng);
            byte[]? read = await SwimFrame.ReadAsync(pieces, FrameMax, default);
            Assert.True((read is not null) == (announced <= bytes.Length - 4), $"seed {seed}, round {i}: {announced}");
            Assert.True(announced <= FrameMax || pieces.Taken == 4, $"seed {seed}, round {i}: a refused frame was read on");
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        byte[] liar = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(liar, 50_000_000);
        Assert.Null(await SwimFrame.ReadAsync(new MemoryStream(liar), 100_000_000, default));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 * SwimFrame.FirstBytes);
    }

    [Fact]
    public async Task A_listener_survives_what_strangers_send_and_answers_the_next()
    {
        const ulong seed = 13;
        Prng prng = new(seed);
        await using TcpSwimStream server = new(Loopback, FrameMax, TimeSpan.FromSeconds(30), TimeProvider.System);
        await using TcpSwimStream client = new(Loopback, FrameMax, TimeSpan.FromSeconds(30), TimeProvider.System);
        server.Start(static (request, _) => ValueTask.FromResult(
            request.Length == 0 || request.Span[0] == 0 ? null : (ReadOnlyMemory<byte>?)request));
        for (int i = 0; i < 100; i++)
        {
            byte[] bytes = new byte[prng.NextInt(100)];
            prng.Fill(bytes);
            using Socket stranger = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await stranger.ConnectAsync(server.LocalEndPoint);
            await stranger.SendAsync(bytes);
            if (prng.Chance(0.5)) stranger.LingerState = new LingerOption(enable: true, seconds: 0);
        }

        Assert.Equal("hello"u8.ToArray(), await client.ExchangeAsync($"{server.LocalEndPoint}", "hello"u8.ToArray(), default));
        Assert.Null(await client.ExchangeAsync($"{server.LocalEndPoint}", new byte[1], default));
        Assert.Null(await client.ExchangeAsync($"{server.LocalEndPoint}", new byte[FrameMax + 1], default));
    }

    // docs/faults.md N11: connected, and never an answer.
    [Fact]
    public async Task A_peer_that_takes_the_connection_and_says_nothing_ends_with_the_timeout()
    {
        using Socket hole = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        hole.Bind(Loopback);
        hole.Listen(1);
        await using TcpSwimStream client = new(Loopback, FrameMax, TimeSpan.FromMilliseconds(50), TimeProvider.System);
        Assert.Null(await client.ExchangeAsync($"{hole.LocalEndPoint}", "x"u8.ToArray(), default));
    }

    /// <summary>Gives its bytes in pieces of any size.</summary>
    private sealed class Pieces(byte[] bytes, Prng prng) : Stream
    {
        public int Taken { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => bytes.Length;

        public override long Position { get => Taken; set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = Math.Min(Math.Min(buffer.Length, bytes.Length - Taken), 1 + prng.NextInt(40_000));
            bytes.AsMemory(Taken, count).CopyTo(buffer);
            Taken += count;
            return ValueTask.FromResult(count);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
