using System.Net;
using System.Net.Sockets;
using Nori.Core;
using Nori.Grpc.Server;
using Nori.Swim;

namespace NoriKV.Transport.Grpc.Tests;

/// <summary>SWIM's streams over gRPC, on sockets of loopback.</summary>
public sealed class GrpcSwimStreamTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task An_exchange_carries_the_bytes_both_ways_whatever_they_are()
    {
        await using Peer peer = await Peer.StartAsync();
        peer.Stream.Start(static (request, _) => ValueTask.FromResult((ReadOnlyMemory<byte>?)Reversed(request)));
        await using GrpcSwimStream client = new(new GrpcSwimStreamOptions { Timeout = Patience });
        const ulong seed = 5;
        Prng prng = new(seed);
        foreach (int length in (int[])[0, 1, 5, 1400, 100_000, 3_700_000])
        {
            byte[] bytes = new byte[length];
            prng.Fill(bytes);
            byte[]? reply = await client.ExchangeAsync(peer.Address, bytes, default);
            Assert.True(reply is not null && reply.AsSpan().SequenceEqual(Reversed(bytes)), $"seed {seed}, {length} bytes");
        }
    }

    [Fact]
    public async Task Nothing_that_a_peer_does_or_does_not_is_more_than_no_answer()
    {
        await using Peer peer = await Peer.StartAsync();
        await using GrpcSwimStream client = new(new GrpcSwimStreamOptions { Timeout = Patience, MessageBytesMax = 1000 });
        Assert.Null(await Ask(peer.Address)); // Not started.
        peer.Stream.Start(static (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>?>(null));
        Assert.Null(await Ask(peer.Address)); // Refused.
        peer.Stream.Start(static (_, _) => throw new InvalidOperationException("a bug"));
        Assert.Null(await Ask(peer.Address));
        peer.Stream.Start(static (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>?>(new byte[2000]));
        Assert.Null(await Ask(peer.Address)); // Longer than is taken.
        peer.Stream.Start(static (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>?>(new byte[900]));
        Assert.NotNull(await Ask(peer.Address));
        await peer.Stream.DisposeAsync();
        Assert.Null(await Ask(peer.Address));

        using Socket closed = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        foreach (string address in (string[])[$"{closed.LocalEndPoint}", "no address", "127.0.0.1:0", "host:7447"])
            Assert.Null(await Ask(address));

        async Task<byte[]?> Ask(string address) => await client.ExchangeAsync(address, "x"u8.ToArray(), default);
    }

    [Fact]
    public async Task A_peer_that_says_nothing_ends_with_the_timeout_and_a_stop_ends_it_at_once()
    {
        using Socket hole = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        hole.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        hole.Listen(4);
        await using GrpcSwimStream hasty = new(new GrpcSwimStreamOptions { Timeout = TimeSpan.FromMilliseconds(50) });
        Assert.Null(await hasty.ExchangeAsync($"{hole.LocalEndPoint}", "x"u8.ToArray(), default));
        GrpcSwimStream patient = new(new GrpcSwimStreamOptions { Timeout = TimeSpan.FromHours(1) });
        Task<byte[]?> waiting = patient.ExchangeAsync($"{hole.LocalEndPoint}", "x"u8.ToArray(), default).AsTask();
        await patient.DisposeAsync();
        Assert.Null(await waiting.WaitAsync(Patience));
    }

    [Fact]
    public async Task More_exchanges_at_once_than_allowed_are_refused_and_room_comes_back()
    {
        await using Peer peer = await Peer.StartAsync(answersMax: 1);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        peer.Stream.Start(async (request, _) =>
        {
            entered.TrySetResult();
            await hold.Task;
            return request;
        });
        await using GrpcSwimStream client = new(new GrpcSwimStreamOptions { Timeout = Patience });
        Task<byte[]?> first = client.ExchangeAsync(peer.Address, "1"u8.ToArray(), default).AsTask();
        await entered.Task.WaitAsync(Patience);
        Assert.Null(await client.ExchangeAsync(peer.Address, "2"u8.ToArray(), default));
        hold.SetResult();
        Assert.Equal("1"u8.ToArray(), await first);
        Assert.Equal("3"u8.ToArray(), await client.ExchangeAsync(peer.Address, "3"u8.ToArray(), default));
    }

    // Cluster name and keys are kept as with TCP: the envelope says them, whatever carries it.
    [Fact]
    public async Task Members_join_over_grpc_and_strangers_do_not()
    {
        byte[] key = "0123456789abcdef"u8.ToArray();
        await using Peer pa = await Peer.StartAsync(), pb = await Peer.StartAsync(), pc = await Peer.StartAsync();
        await using Peer pd = await Peer.StartAsync();
        await using SwimNode a = await pa.MemberAsync("a", "one", key);
        await using SwimNode b = await pb.MemberAsync("b", "one", key);
        await using SwimNode foreign = await pc.MemberAsync("c", "another", key);
        await using SwimNode wrongKey = await pd.MemberAsync("d", "one", "fedcba9876543210"u8.ToArray());
        Assert.Equal(1, await b.JoinAsync([pa.Address]));
        // What a member shows follows its loop: a moment behind the join's answer.
        using (CancellationTokenSource patience = new(Patience))
            while (!a.IsAlive("b") || !b.IsAlive("a")) await Task.Delay(5, patience.Token);
        Assert.Equal(0, await foreign.JoinAsync([pa.Address]));
        Assert.Equal(0, await wrongKey.JoinAsync([pa.Address]));
        Assert.Equal(2, a.Members.Count);
        Assert.Equal(1, a.Counts.Dropped(Nori.Swim.Core.Wire.MessageDrop.ForeignCluster));
        Assert.True(a.DroppedEnvelopes >= 1);
    }

    [Fact]
    public void Options_that_cannot_be_are_all_named()
    {
        GrpcSwimStreamOptions options = new() { Timeout = TimeSpan.Zero, MessageBytesMax = 0, AnswersMax = 0 };
        Assert.Equal(3, options.Validate().Count);
        Assert.Throws<ArgumentException>(() => new GrpcSwimStream(options));
    }

    private static byte[] Reversed(ReadOnlyMemory<byte> bytes)
    {
        byte[] reversed = bytes.ToArray();
        Array.Reverse(reversed);
        return reversed;
    }

    /// <summary>A gRPC server with the exchange, and a member on its number.</summary>
    private sealed class Peer(GrpcSwimStream stream, GrpcServer server) : IAsyncDisposable
    {
        public GrpcSwimStream Stream { get; } = stream;

        public string Address { get; } = $"{server.EndPoints[0]}";

        public static async Task<Peer> StartAsync(int answersMax = 64)
        {
            GrpcSwimStream stream = new(new GrpcSwimStreamOptions { Timeout = Patience, AnswersMax = answersMax });
            return new Peer(stream, await GrpcServer.StartAsync(
                [stream.Definition],
                new IPEndPoint(IPAddress.Loopback, FreePort.Next()),
                new GrpcServerOptions { MaxReceiveMessageBytes = 4 << 20 }));
        }

        public Task<SwimNode> MemberAsync(string id, string cluster, byte[] key) => SwimNode.StartAsync(new SwimOptions
        {
            NodeId = id,
            ClusterName = cluster,
            Keys = [key],
            Transport = new Nori.Swim.Net.UdpSwimTransport(IPEndPoint.Parse(Address)),
            Stream = Stream,
        });

        public async ValueTask DisposeAsync()
        {
            await Stream.DisposeAsync();
            await server.DisposeAsync();
        }
    }
}
