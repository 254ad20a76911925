using System.Collections.Concurrent;
using System.Net;
using Nori.Grpc.Server;
using Nori.IO;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters.Tests;

/// <summary>Replicas over real sockets of the loopback.</summary>
public sealed class GrpcTransportTests
{
    private static readonly ReplicaId One = new(1), Two = new(2);

    [Fact]
    public async Task Frames_arrive_in_order_on_both_channels_and_again_after_the_other_side_was_restarted()
    {
        await using GrpcRaftTransport sender = new(Options(One));
        ConcurrentQueue<byte[]> arrived = new();
        GrpcRaftTransport receiver = new(Options(Two)) { Received = frame => arrived.Enqueue(frame.ToArray()) };
        GrpcServer server = await GrpcServer.StartAsync([receiver.Service], new IPEndPoint(IPAddress.Loopback, FreePort.Next()));
        IPEndPoint address = server.EndPoints[0];
        await sender.SetPeerAsync(Two, address.ToString());
        await Until(() => sender.IsConnected(Two));
        for (byte i = 0; i < 100; i++) Assert.True(sender.TrySend(Two, RaftChannel.Messages, new byte[] { i, 7 }));
        await Until(() => arrived.Count == 100);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (byte)i), arrived.Select(f => f[0]));
        await Until(() => sender.TrySend(Two, RaftChannel.Snapshots, new byte[100_000]));
        await Until(() => arrived.Count == 101);
        Assert.False(sender.TrySend(new ReplicaId(9), RaftChannel.Messages, new byte[1]));

        await server.DisposeAsync();
        await Until(() => !sender.IsConnected(Two));
        Assert.False(sender.TrySend(Two, RaftChannel.Messages, new byte[1]));
        server = await GrpcServer.StartAsync([receiver.Service], address);
        await Until(() => sender.IsConnected(Two));
        arrived.Clear();
        Assert.True(sender.TrySend(Two, RaftChannel.Messages, new byte[] { 42 }));
        await Until(() => arrived.Count == 1);
        await server.DisposeAsync();
        await receiver.DisposeAsync();
    }

    [Theory]
    [InlineData("other", 1, 2)]
    [InlineData("test", 5, 2)]
    [InlineData("test", 1, 3)]
    public async Task Replicas_of_another_cluster_group_or_id_are_refused(string cluster, ulong group, ulong target)
    {
        await using GrpcRaftTransport receiver = new(Options(Two));
        int arrived = 0;
        receiver.Received = _ => Interlocked.Increment(ref arrived);
        await using GrpcServer server = await GrpcServer.StartAsync([receiver.Service], new IPEndPoint(IPAddress.Loopback, 0));
        ReplicaId to = new(target);
        GrpcRaftTransportOptions options = Options(One) with { Cluster = cluster, Group = new GroupId(group) };
        Grpc.FrameLinkOptions link = options.ToLink(server.EndPoints[0].ToString(), to, RaftChannel.Messages);
        await using Grpc.FrameLink stranger = new(link);
        await Until(() => stranger.LastFailure is not null);
        Assert.Contains("this is replica 2 of group 1 of test", stranger.LastFailure, StringComparison.Ordinal);
        Assert.Equal(0, stranger.Connections);
        Assert.False(stranger.TrySend(new byte[1]));
        Assert.Equal(0, arrived);
    }

    [Fact]
    public void Any_bytes_are_a_hello_or_refused()
    {
        byte[] hello = new RaftHello(RaftChannel.Snapshots, new GroupId(300), One, Two, "test").Encode();
        Assert.True(RaftHello.TryDecode(hello, out RaftHello read));
        Assert.Equal(new RaftHello(RaftChannel.Snapshots, new GroupId(300), One, Two, "test"), read);
        Nori.Core.Prng random = new(4);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] mutated = [.. hello];
            mutated[random.NextInt(mutated.Length)] = (byte)random.NextUInt32();
            if (RaftHello.TryDecode(mutated.AsSpan(0, random.NextInt(mutated.Length + 1)), out read))
                Assert.True(read.Cluster.Length <= 256);
        }
    }

    // Log on the WAL, snapshots in files, gRPC: commands from any leader survive restarts of each replica in turn.
    [Fact]
    public async Task Three_replicas_with_everything_real_keep_what_they_acknowledged_through_restarts()
    {
        ReplicaId[] ids = [new(1), new(2), new(3)];
        List<RealReplica> replicas = [];
        foreach (ReplicaId id in ids) replicas.Add(await RealReplica.CreateAsync(id, ids));
        foreach (RealReplica replica in replicas) await replica.MeetAsync(replicas);
        foreach (RealReplica replica in replicas) await replica.StartAsync();
        long total = 0;
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 20; i++) total = await AddAsync(replicas, total);
            await replicas[round].StopAsync();
            for (int i = 0; i < 20; i++) total = await AddAsync(replicas, total);
            await replicas[round].StartAsync();
        }

        foreach (RealReplica replica in replicas)
        {
            ReadResult<long> read = default;
            await Until(async () => (read = await replica.Node!.ReadAsync(() => replica.Machine.Value)).IsDone);
            Assert.Equal(total, read.Value);
        }

        Assert.Contains(replicas, r => r.Node!.Status.Base.Value > 0);
        foreach (RealReplica replica in replicas) await replica.DisposeAsync();
    }

    private static async Task<long> AddAsync(List<RealReplica> replicas, long total)
    {
        while (true)
        {
            RealReplica any = replicas.Find(r => r.Node?.IsLeader == true) ?? replicas.First(r => r.Node is not null);
            CommandResult result = await any.Node!.ProposeAsync(BitConverter.GetBytes(1L));
            if (result.IsApplied)
            {
                Assert.Equal(total + 1, BitConverter.ToInt64(result.Result.Span));
                return total + 1;
            }

            Assert.True(result.IsSafeToRetry, result.ToString());
            await Task.Yield();
        }
    }

    private static GrpcRaftTransportOptions Options(ReplicaId id) => new() { Replica = id, Cluster = "test" };

    private static Task Until(Func<bool> condition) => Until(() => Task.FromResult(condition()));

    // A minute is no expectation: it only ends a test that hangs.
    private static async Task Until(Func<Task<bool>> condition)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromMinutes(1));
        while (!await condition()) await Task.Delay(5, patience.Token);
    }

    private sealed class Sum : IStateMachine
    {
        public long Value { get; private set; }

        public ReadOnlyMemory<byte> Apply(in RaftEntry entry) =>
            BitConverter.GetBytes(Value += BitConverter.ToInt64(entry.Data.Span));

        public Action<Stream> CaptureSnapshot()
        {
            long captured = Value;
            return stream => stream.Write(BitConverter.GetBytes(captured));
        }

        public void Restore(Stream snapshot, SnapshotMeta meta)
        {
            byte[] bytes = new byte[8];
            snapshot.ReadExactly(bytes);
            Value = BitConverter.ToInt64(bytes);
        }
    }

    private sealed class RealReplica : IAsyncDisposable
    {
        private readonly MemoryFileSystem _files = new(1);
        private readonly ReplicaId _id;
        private readonly ReplicaId[] _voters;
        private readonly GrpcRaftTransport _transport;
        private readonly GrpcServer _server;
        private WalRaftLog? _log;
        private FileSnapshotStore? _snapshots;

        private RealReplica(ReplicaId id, ReplicaId[] voters, GrpcRaftTransport transport, GrpcServer server) =>
            (_id, _voters, _transport, _server) = (id, voters, transport, server);

        public RaftNode? Node { get; private set; }

        public Sum Machine { get; private set; } = new();

        public static async Task<RealReplica> CreateAsync(ReplicaId id, ReplicaId[] voters)
        {
            GrpcRaftTransport transport = new(Options(id));
            GrpcServer server = await GrpcServer.StartAsync([transport.Service], new IPEndPoint(IPAddress.Loopback, 0));
            return new RealReplica(id, voters, transport, server);
        }

        public async Task MeetAsync(List<RealReplica> all)
        {
            foreach (RealReplica other in all.Where(r => r != this))
                await _transport.SetPeerAsync(other._id, other._server.EndPoints[0].ToString());
        }

        public async Task StartAsync()
        {
            Machine = new Sum();
            _log = WalRaftLog.Open(new WalRaftLogOptions { Directory = "/log", FileSystem = _files, SegmentBytes = 16 << 10 });
            _snapshots = FileSnapshotStore.Open("/snapshots", _files);
            Node = await RaftNode.StartAsync(new RaftNodeOptions
            {
                Replica = _id, Log = _log, StateMachine = Machine, Snapshots = _snapshots, Transport = _transport,
                FirstVoters = _voters, CompactionEntries = 30, RetainedEntries = 5,
            });
        }

        public async Task StopAsync()
        {
            await Node!.DisposeAsync();
            Assert.Null(Node.Failure);
            Node = null;
            _log!.Dispose();
            _snapshots!.Dispose();
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            await _transport.DisposeAsync();
            await _server.DisposeAsync();
        }
    }
}
