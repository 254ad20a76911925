using Nori.Core;
using Nori.Raft.Core;
using Nori.Raft.Tests.Harness;

namespace Nori.Raft.Tests;

/// <summary>Snapshots: taken, sent in chunks, resumed, checked, installed; and starts after crashes in between.</summary>
public sealed class SnapshotTests
{
    private static readonly Configuration Three = new([new ReplicaId(1), new ReplicaId(2), new ReplicaId(3)]);

    // A newer one takes the place of what is being sent, and the peer begins again: not while that goes on.
    [Fact]
    public void A_snapshot_that_takes_longer_than_the_time_between_two_gets_through()
    {
        Trio trio = new(3, o => o with
        {
            CompactionEntries = 40, CompactionBytes = 0, RetainedEntries = 20, SnapshotChunkBytes = 4, SnapshotChunksMax = 1,
        });
        Trio.Member leader = trio.Elect();
        Trio.Member other = trio.Members.First(m => m != leader);
        other.Stop();
        ulong id = 1;
        Propose(300, each: 1);
        other.Start();
        for (int round = 0; round < 200 && other.Node.Applied.Value < 300; round++) Propose(50, each: 2);
        Assert.InRange(other.Node.Applied.Value, 300UL, ulong.MaxValue);

        void Propose(int commands, int each)
        {
            for (int i = 0; i < commands; i++)
            {
                _ = leader.Propose(id++);
                trio.Run(each);
            }
        }
    }

    [Fact]
    public void The_log_is_cut_behind_a_snapshot_and_one_who_lags_gets_it()
    {
        Trio trio = new(change: o => o with { CompactionEntries = 20, RetainedEntries = 3, SnapshotChunkBytes = 50 });
        Trio.Member leader = trio.Elect();
        Trio.Member lagging = trio.Members.First(m => m != leader);
        trio.Network.SetCut(lagging.Id, true);
        for (ulong i = 1; i <= 60; i++) trio.Propose(leader, i);
        trio.Run(100);
        Assert.True(leader.Node.Status.Base.Value >= 40, $"the log begins behind {leader.Node.Status.Base}");
        trio.Network.SetCut(lagging.Id, false);
        trio.RunUntil(() => lagging.Machine.Count == 60);
        Assert.NotNull(lagging.Snapshots.Latest);
        lagging.Stop();
        lagging.Start();
        Assert.True(lagging.Machine.Count >= 40);
        trio.RunUntil(() => lagging.Machine.Hash == leader.Machine.Hash);
    }

    [Fact]
    public void A_snapshot_can_be_asked_for()
    {
        Trio trio = new(change: o => o with { RetainedEntries = 1 });
        Trio.Member leader = trio.Elect();
        for (ulong i = 1; i <= 5; i++) trio.Propose(leader, i);
        Task<LogIndex> taken = leader.Node.TakeSnapshotAsync();
        trio.RunUntil(() => taken.IsCompleted);
        Assert.Equal(leader.Snapshots.Latest!.Meta.Index, taken.Result);
        Assert.Equal(taken.Result.Previous, leader.Node.Status.Base);
    }

    // What is here already is not sent again; a gap is begun at again; a false byte is found by the checksum of the whole.
    [Fact]
    public void A_receiver_goes_on_where_it_stopped_and_begins_anew_when_the_bytes_are_false()
    {
        byte[] content = new byte[1000];
        new Prng(1).Fill(content);
        Recorder transport = new();
        MemorySnapshotStore store = new();
        RaftNodeOptions options = Options(store, transport);
        List<SnapshotFrame> arrived = [];
        SnapshotReceiver receiver = new(options, (offer, staged) =>
        {
            arrived.Add(offer);
            staged.Commit();
        });
        SnapshotFrame offer = Offer(content);
        receiver.OnOffer(offer);
        Assert.Equal((SnapshotAckState.Continue, 0L), transport.Last);
        receiver.OnChunk(Chunk(offer, content, 0, 400));
        Assert.Equal((SnapshotAckState.Continue, 400L), transport.Last);
        receiver.OnChunk(Chunk(offer, content, 600, 100));
        Assert.Equal((SnapshotAckState.Gap, 400L), transport.Last);
        receiver.OnChunk(Chunk(offer, content, 0, 400));
        Assert.Equal((SnapshotAckState.Continue, 400L), transport.Last);
        receiver.OnChunk(Chunk(offer, [.. content, 1, 2, 3], 400, 603));
        Assert.Equal((SnapshotAckState.Continue, 400L), transport.Last);

        // Another process, the same store.
        receiver.Dispose();
        receiver = new SnapshotReceiver(options, (o, staged) =>
        {
            arrived.Add(o);
            staged.Commit();
        });
        receiver.OnOffer(offer);
        Assert.Equal((SnapshotAckState.Continue, 400L), transport.Last);
        byte[] wrong = [.. content];
        wrong[700] ^= 1;
        receiver.OnChunk(Chunk(offer, wrong, 400, 600));
        Assert.Equal((SnapshotAckState.Gap, 0L), transport.Last);
        Assert.Empty(arrived);
        receiver.OnChunk(Chunk(offer, content, 0, 1000));
        Assert.Single(arrived);
        Assert.Equal(offer.Meta.Index, store.Latest!.Meta.Index);
        receiver.OnOffer(offer with { Index = new LogIndex(99), Offset = options.SnapshotBytesMax + 1 });
        Assert.Single(arrived);
        receiver.Release();
        receiver.OnOffer(offer with { Index = new LogIndex(99), Offset = options.SnapshotBytesMax + 1 });
        Assert.Equal(SnapshotAckState.Refused, transport.Last.State);
    }

    // By term, not by length: entries behind the snapshot's place may never have been committed.
    [Theory]
    [InlineData(3, 80)]
    [InlineData(5, 100)]
    public void A_crash_between_a_received_snapshot_and_its_log_is_made_good_at_the_start(ulong termInLog, ulong lastAfter)
    {
        MemoryRaftLog log = new();
        RaftEntry[] entries = Enumerable.Range(1, 100)
            .Select(i => new RaftEntry(new LogIndex((ulong)i), new Term(i < 80 ? 2 : termInLog), EntryType.NoOp, default)).ToArray();
        log.Write([new RaftLogWrite
        {
            Base = new RaftLogBase(default, default, new ConfigurationEntry(default, Three), false),
            Entries = entries,
            HardState = new HardState(new Term(termInLog), new ReplicaId(2), default),
        }]);
        MemorySnapshotStore store = new();
        Put(store, 80, 5);
        SimMachine machine = new(new SimChecker());
        RaftNodeOptions options = Options(store, new Recorder()) with { Log = log, StateMachine = machine };
        RaftNode node = RaftNode.StartAsync(options).AsTask().GetAwaiter().GetResult();
        Assert.Equal(new LogIndex(80), node.Applied);
        Assert.Equal(new LogIndex(lastAfter), node.Status.Last);
        RaftState state = log.Open()!;
        Assert.Equal((lastAfter, 5ul), (state.LastIndex.Value, state.HardState.Term.Value));
        // A vote of an earlier term is no vote of the snapshot's.
        Assert.Equal(termInLog == 5 ? new ReplicaId(2) : ReplicaId.None, state.HardState.Vote);
    }

    [Fact]
    public void A_replica_that_lost_its_log_or_its_state_does_not_start()
    {
        MemorySnapshotStore store = new();
        Put(store, 80, 5);
        RaftNodeOptions options = Options(store, new Recorder());
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Start(options));
        Assert.Contains("another id", e.Message, StringComparison.Ordinal);

        MemoryRaftLog log = new();
        log.Write([new RaftLogWrite
        {
            Base = new RaftLogBase(new LogIndex(80), new Term(5), new ConfigurationEntry(default, Three), false),
            HardState = new HardState(new Term(5), default, default),
        }]);
        options = Options(new MemorySnapshotStore(), new Recorder()) with { Log = log };
        Assert.Throws<InvalidDataException>(() => Start(options));
    }

    [Fact]
    public void Any_bytes_are_a_frame_or_refused()
    {
        Prng random = new(7);
        SnapshotFrame offer = Offer(new byte[10]);
        SnapshotFrame ack = offer with { Kind = FrameKind.SnapshotAck, State = SnapshotAckState.Gap };
        byte[][] frames =
        [
            Frames.Snapshot(offer).ToArray(), Frames.Snapshot(Chunk(offer, new byte[9], 3, 6)).ToArray(), Frames.Snapshot(ack).ToArray(),
        ];
        Assert.All(frames, f => Assert.True(Frames.TryOpen(f, out _, out _)));
        for (int i = 0; i < 30_000; i++)
        {
            byte[] mutated = [.. frames[random.NextInt(frames.Length)]];
            mutated[random.NextInt(mutated.Length)] ^= (byte)(1 << random.NextInt(8));
            Assert.False(Frames.TryOpen(mutated, out _, out _), $"round {i}");
            // Behind a right checksum every field is looked at.
            if (random.Chance(0.3)) mutated = mutated[..random.NextInt(Frames.HeaderBytes, mutated.Length + 1)];
            FrameKind kind = (FrameKind)random.NextInt(2, 5);
            if (Frames.TryReadSnapshot(kind, mutated.AsMemory(Frames.HeaderBytes), out SnapshotFrame read))
                Assert.True(read.Offset >= 0);
        }
    }

    private static RaftNode Start(RaftNodeOptions options) => RaftNode.StartAsync(options).AsTask().GetAwaiter().GetResult();

    private static RaftNodeOptions Options(ISnapshotStore store, IRaftTransport transport) => new()
    {
        Replica = new ReplicaId(1), Log = new MemoryRaftLog(), StateMachine = new SimMachine(new SimChecker()), Snapshots = store,
        Transport = transport, FirstVoters = Three.Voters, RunLoops = false, Time = new SimTime(), SnapshotBytesMax = 5000,
    };

    private static void Put(MemorySnapshotStore store, ulong index, ulong term)
    {
        SnapshotMeta meta = new(new LogIndex(index), new Term(term), new ConfigurationEntry(default, Three));
        using ISnapshotStaging staging = store.Stage(meta, SnapshotOrigin.Received, 1);
        byte[] state = new byte[24];
        staging.Append(state);
        staging.Commit(Crc32C.Compute(state));
    }

    private static SnapshotFrame Offer(byte[] content) => new()
    {
        Kind = FrameKind.SnapshotOffer, Group = new GroupId(1), From = new ReplicaId(2), To = new ReplicaId(1), Term = new Term(5),
        Index = new LogIndex(80), IndexTerm = new Term(4), Checksum = Crc32C.Compute(content), Offset = content.Length,
        Configuration = new ConfigurationEntry(new LogIndex(7), Three),
    };

    private static SnapshotFrame Chunk(SnapshotFrame offer, byte[] content, int offset, int count) =>
        offer with { Kind = FrameKind.SnapshotChunk, Offset = offset, Data = content.AsMemory(offset, count) };

    private sealed class Recorder : IRaftTransport
    {
        public (SnapshotAckState State, long Offset) Last { get; private set; }

        public Action<ReadOnlyMemory<byte>>? Received { get; set; }

        public bool TrySend(ReplicaId target, RaftChannel channel, ReadOnlyMemory<byte> frame)
        {
            Assert.Equal(RaftChannel.Snapshots, channel);
            Assert.True(Frames.TryOpen(frame, out FrameKind kind, out ReadOnlyMemory<byte> body));
            Assert.True(Frames.TryReadSnapshot(kind, body, out SnapshotFrame ack));
            Last = (ack.State, ack.Offset);
            return true;
        }
    }
}
