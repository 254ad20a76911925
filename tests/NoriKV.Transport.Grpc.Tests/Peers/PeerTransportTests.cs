using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Nori.Core;
using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc.Tests.Peers;

/// <summary>Frames between nodes over real sockets.</summary>
public sealed class PeerTransportTests
{
    private static readonly Guid Cluster = new("0b8d1f4e-9d3c-4b62-9f0e-5a1f3c2d4e5f");
    private static readonly NodeNumber One = new(1), Two = new(2);

    [Fact]
    public async Task Frames_arrive_in_order_on_their_channel_and_large_ones_whole()
    {
        await using Peer sender = await Peer.StartAsync(One), receiver = await Peer.StartAsync(Two);
        await sender.Transport.SetPeerAsync(Two, receiver.Address);
        await Until(() => sender.Transport.IsConnected(Two));
        byte[] large = new byte[9_000_000];
        new Prng(1).Fill(large);
        for (byte i = 0; i < 50; i++) Assert.True(sender.Transport.TrySend(Two, PeerChannel.Raft, new[] { i }));
        Assert.True(sender.Transport.TrySend(Two, PeerChannel.Raft, large));
        Assert.True(sender.Transport.TrySend(Two, PeerChannel.Raft, ReadOnlyMemory<byte>.Empty));
        await Until(() => sender.Transport.TrySend(Two, PeerChannel.Snapshot, new byte[] { 99 }));
        await Until(() => receiver.Frames.Count == 53);
        byte[][] raft = receiver.Frames.Where(f => f.Channel == PeerChannel.Raft).Select(f => f.Bytes).ToArray();
        Assert.Equal(Enumerable.Range(0, 50).Select(i => (byte)i), raft[..50].Select(f => f.Single()));
        Assert.True(raft[50].AsSpan().SequenceEqual(large));
        Assert.Empty(raft[51]);
        Assert.All(receiver.Frames, f => Assert.Equal(One, f.From));
        Assert.False(sender.Transport.TrySend(new NodeNumber(7), PeerChannel.Raft, new byte[1]));
        Assert.Equal(0, sender.Transport.DroppedFrames);
    }

    [Fact]
    public async Task A_node_that_was_restarted_is_reached_again()
    {
        await using Peer sender = await Peer.StartAsync(One);
        Peer receiver = await Peer.StartAsync(Two, listen: new IPEndPoint(IPAddress.Loopback, FreePort.Next()));
        await sender.Transport.SetPeerAsync(Two, receiver.Address);
        await Until(() => sender.Transport.IsConnected(Two));
        IPEndPoint address = receiver.EndPoint;
        for (int round = 0; round < 3; round++)
        {
            await receiver.DisposeAsync();
            await Until(() => !sender.Transport.IsConnected(Two));
            Assert.False(sender.Transport.TrySend(Two, PeerChannel.Raft, new byte[1]));
            receiver = await Peer.StartAsync(Two, listen: address);
            await Until(() => sender.Transport.TrySend(Two, PeerChannel.Raft, new byte[] { 5 }) && !receiver.Frames.IsEmpty);
        }

        await receiver.DisposeAsync();
    }

    // One that does not read costs the queue, and then its oldest frames; whoever sends never waits.
    [Fact]
    public async Task A_peer_that_does_not_read_loses_the_oldest_whole_frames()
    {
        PeerTransportOptions options = new() { QueueFramesMax = 20, QueueBytesMax = 1 << 20 };
        await using Peer sender = await Peer.StartAsync(One, options), receiver = await Peer.StartAsync(Two);
        using ManualResetEventSlim reads = new(false);
        ConcurrentQueue<int> arrived = new();
        receiver.Transport.Received = (_, _, frame) =>
        {
            reads.Wait();
            Assert.Equal(400_000, frame.Length);
            arrived.Enqueue(BitConverter.ToInt32(frame.Span));
        };
        await sender.Transport.SetPeerAsync(Two, receiver.Address);
        await Until(() => sender.Transport.IsConnected(Two));
        int sent = 0;
        while (sender.Transport.DroppedFrames < 20)
        {
            byte[] frame = new byte[400_000];
            BitConverter.TryWriteBytes(frame, ++sent);
            Assert.True(sender.Transport.TrySend(Two, PeerChannel.Raft, frame));
            if (sent % 10 == 0) await Task.Yield();
        }

        reads.Set();
        await Until(() => arrived.Contains(sent));
        Assert.Equal(arrived.Order(), arrived);
        Assert.Equal(sent - sender.Transport.DroppedFrames, arrived.Count);
    }

    public static TheoryData<string> Objections => ["cluster", "node", "store", "self", "unknown self"];

    [Theory]
    [MemberData(nameof(Objections))]
    public async Task Strangers_are_refused_with_the_reason(string objection)
    {
        PeerTransportOptions knows = new() { IsStoreOf = (node, store) => node != One || store == Peer.StoreOf(One) };
        await using Peer receiver = await Peer.StartAsync(
            objection == "self" ? One : Two, knows, identify: objection != "unknown self");
        PeerIdentity identity = new(
            One,
            objection == "cluster" ? Guid.NewGuid() : Cluster,
            objection == "store" ? Guid.NewGuid() : Peer.StoreOf(One));
        NodeNumber target = objection switch { "node" => new(3), "self" => One, _ => Two };
        await using PeerLinks stranger = new(new PeerTransportOptions(), identity, target, receiver.Address);
        await Until(() => stranger.LastFailure is not null);
        string expected = objection switch
        {
            "cluster" => $"belongs to cluster {Cluster}",
            "node" => "this is node 2, not 3",
            "store" => "known by another store",
            "self" => "own number",
            _ => "not started",
        };
        Assert.Contains(expected, stranger.LastFailure, StringComparison.Ordinal);
        Assert.False(stranger[PeerChannel.Raft].TrySend(new byte[1]));
        Assert.Empty(receiver.Frames);
    }

    [Fact]
    public async Task A_node_that_answers_at_the_address_of_another_gets_nothing()
    {
        await using Peer sender = await Peer.StartAsync(One), three = await Peer.StartAsync(new NodeNumber(3));
        await sender.Transport.SetPeerAsync(Two, three.Address);
        await Until(() => sender.Transport.LastFailure(Two) is not null);
        Assert.False(sender.Transport.TrySend(Two, PeerChannel.Raft, new byte[1]));
        await sender.Transport.SetPeerAsync(new NodeNumber(3), three.Address);
        await Until(() => sender.Transport.TrySend(new NodeNumber(3), PeerChannel.Raft, new byte[1]));
        await Until(() => three.Frames.Count == 1);
    }

    [Fact]
    public async Task Beyond_the_loopback_only_the_secret_opens_a_stream()
    {
        IPAddress? own = (await Dns.GetHostAddressesAsync(Dns.GetHostName()))
            .FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        if (own is null) Assert.Skip("this machine has no address but loopback to be a stranger from");
        const string secret = "0123456789";
        await using Peer receiver = await Peer.StartAsync(Two, secret: secret, listen: new IPEndPoint(IPAddress.Any, 0));
        string address = $"{own}:{receiver.EndPoint.Port}";
        await using (Peer stranger = await Peer.StartAsync(One))
        {
            await stranger.Transport.SetPeerAsync(Two, address);
            await Until(() => stranger.Transport.LastFailure(Two) is not null);
            Assert.Contains("loopback only", stranger.Transport.LastFailure(Two), StringComparison.Ordinal);
            Assert.False(stranger.Transport.IsConnected(Two));
        }

        await using Peer member = await Peer.StartAsync(One, new PeerTransportOptions { PeerSecret = secret });
        await member.Transport.SetPeerAsync(Two, address);
        await Until(() => member.Transport.TrySend(Two, PeerChannel.Raft, new byte[1]));
        await Until(() => receiver.Frames.Count == 1);
    }

    [Fact]
    public async Task Protocols_that_do_not_meet_are_refused()
    {
        await using Peer receiver = await Peer.StartAsync(Two);
        PeerHello hello = new(PeerChannel.Raft, 2, 9, One, Two, Cluster, Peer.StoreOf(One));
        await using FrameLink link = new(new PeerTransportOptions().ToLink(receiver.Address, hello.Encode(), _ => null));
        await Until(() => link.LastFailure is not null);
        Assert.Contains("protocols 1 to 1, the peer 2 to 9", link.LastFailure, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_are_a_hello_or_refused()
    {
        PeerHello hello = new(PeerChannel.Snapshot, 1, 3, new(0x1122334455667788), Two, Cluster, Guid.NewGuid());
        byte[] bytes = hello.Encode();
        Assert.Equal("0102010003008877665544332211", Convert.ToHexString(bytes)[..28]);
        Assert.True(PeerHello.TryDecode(bytes, out PeerHello read));
        Assert.Equal(hello, read);
        Prng random = new(6);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] mutated = [.. bytes];
            mutated[random.NextInt(mutated.Length)] = (byte)random.NextUInt32();
            int length = random.NextInt(mutated.Length + 1);
            if (!PeerHello.TryDecode(mutated.AsSpan(0, length), out read)) continue;
            Assert.Equal(bytes.Length, length);
            Assert.True(read.ProtocolMin <= read.ProtocolMax);
        }
    }

    // A minute is no expectation: it only ends a test that hangs.
    [Fact]
    public async Task A_node_that_is_no_member_any_more_is_cut_off_and_told()
    {
        bool isGone = false;
        Dismissal dismissal = new(77, RegisteredState.Replaced);
        ConcurrentQueue<Dismissal> told = new();
        PeerTransportOptions knows = new()
        {
            DismissalOf = (node, store) =>
                Volatile.Read(ref isGone) && node == One && store == Peer.StoreOf(One) ? dismissal : null,
        };
        await using Peer sender = await Peer.StartAsync(One, new PeerTransportOptions { Dismissed = told.Enqueue });
        await using Peer receiver = await Peer.StartAsync(Two, knows);
        await sender.Transport.SetPeerAsync(Two, receiver.Address);
        await Until(() => sender.Transport.IsConnected(Two));
        Volatile.Write(ref isGone, true);
        receiver.Transport.EndFrom(One);
        // Each channel is cut off and refused by itself: the first may be told while another's last failure is still its cut.
        await Until(() => sender.Transport.LastFailure(Two)?.Contains("node 1 was replaced", StringComparison.Ordinal) == true);
        await Until(() => !told.IsEmpty && !sender.Transport.IsConnected(Two));
        Assert.All(told, d => Assert.Equal(dismissal, d));
    }

    [Fact]
    public async Task A_node_that_is_dismissed_while_it_comes_in_is_told_as_well()
    {
        Peer? receiver = null;
        int asked = 0;
        PeerTransportOptions knows = new()
        {
            DismissalOf = (node, _) =>
            {
                if (Interlocked.Increment(ref asked) > 1) return new Dismissal(77, RegisteredState.Decommissioned);
                // As it is decided now, its stream is not yet among those that end.
                receiver!.Transport.EndFrom(node);
                return null;
            },
        };
        await using Peer two = receiver = await Peer.StartAsync(Two, knows);
        PeerHello hello = new(PeerChannel.Raft, 1, 1, One, Two, Cluster, Peer.StoreOf(One));
        await using FrameLink link = new(new PeerTransportOptions().ToLink(two.Address, hello.Encode(), _ => null));
        await Until(() => link.LastFailure is not null);
        Assert.Contains("node 1 was decommissioned", link.LastFailure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GrpcStatusCode.FailedPrecondition, "3 12", true)]
    [InlineData(GrpcStatusCode.Unavailable, "3 12", false)]
    [InlineData(GrpcStatusCode.FailedPrecondition, "1 12", false)]
    [InlineData(GrpcStatusCode.FailedPrecondition, "3", false)]
    [InlineData(GrpcStatusCode.FailedPrecondition, "3 -1", false)]
    [InlineData(GrpcStatusCode.FailedPrecondition, "x 12", false)]
    [InlineData(GrpcStatusCode.FailedPrecondition, null, false)]
    public void Only_what_was_meant_is_taken_for_a_dismissal(GrpcStatusCode code, string? trailer, bool isOne)
    {
        Metadata trailers = trailer is null ? [] : new Metadata { { "norikv-dismissed", trailer } };
        Dismissal? read = DismissalTrailer.Read(new GrpcException(new GrpcStatus(code, "no"), trailers));
        Assert.Equal(isOne ? new Dismissal(12, RegisteredState.Decommissioned) : null, read);
    }

    private static async Task Until(Func<bool> condition)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromMinutes(1));
        while (!condition()) await Task.Delay(5, patience.Token);
    }

    private sealed class Peer : IAsyncDisposable
    {
        private readonly GrpcServer _server;

        private Peer(PeerTransport transport, GrpcServer server) => (Transport, _server) = (transport, server);

        public PeerTransport Transport { get; }

        public ConcurrentQueue<(NodeNumber From, PeerChannel Channel, byte[] Bytes)> Frames { get; } = new();

        public IPEndPoint EndPoint => _server.EndPoints[0];

        public string Address => EndPoint.ToString();

        public static Guid StoreOf(NodeNumber node) => new((int)node.Value, 0, 0, new byte[8]);

        public static async Task<Peer> StartAsync(
            NodeNumber node,
            PeerTransportOptions? options = null,
            string? secret = null,
            IPEndPoint? listen = null,
            bool identify = true)
        {
            PeerTransport transport = new(options ?? new PeerTransportOptions());
            if (identify) transport.Identify(new PeerIdentity(node, Cluster, StoreOf(node)));
            // The gate looks at the options only; it stands before the service as in a node.
            AccessGate gate = new(new GrpcTransportParts
            {
                Node = null!, Options = new GrpcTransportOptions { PeerSecret = secret },
            });
            GrpcServer server = await GrpcServer.StartAsync(
                [transport.Service], listen ?? new IPEndPoint(IPAddress.Loopback, 0), new GrpcServerOptions { Authorizer = gate });
            Peer peer = new(transport, server);
            transport.Received = (from, channel, frame) => peer.Frames.Enqueue((from, channel, frame.ToArray()));
            return peer;
        }

        public async ValueTask DisposeAsync()
        {
            await Transport.DisposeAsync();
            await _server.DisposeAsync();
        }
    }
}
