using Nori.Core;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Reads by read index of many groups: one question to each peer, one answer (decision 0194).</summary>
public sealed class ReadRoundTests
{
    private readonly List<(NodeNumber From, NodeNumber To, ReadRoundFrame Round, byte[] Frame)> _sent = [];

    [Fact]
    public void Reads_of_many_groups_share_one_question_to_each_peer()
    {
        SteppedCluster cluster = Led(shards: 24);
        int node = cluster.LeaderOf(0);
        uint[] led = [.. Enumerable.Range(0, 24).Select(static s => (uint)s).Where(s => cluster.LeaderOf(s) == node)];
        Assert.True(led.Length > 3, $"node {node} leads {led.Length}");
        Watch(cluster);
        Task<KvResult<GetResult>>[] reads = [.. led.Select(s => Get(cluster, node, KeyOf(cluster, s)))];
        cluster.Settle();
        Assert.All(reads, static read => Assert.True(read.IsCompleted && Answer(read).IsOk));

        // The first went alone, at once; all the others waited for it, and went together.
        ReadRoundFrame[] questions = [.. _sent.Where(static s => !s.Round.IsAnswer).Select(static s => s.Round)];
        Assert.Equal([1, 1, led.Length - 1, led.Length - 1], questions.Select(static q => q.Groups).Order());
        Assert.Equal(2, questions.Select(static q => q.Round).Distinct().Count());
        Assert.Equal(4, _sent.Count(static s => s.Round.IsAnswer));
    }

    // protocol.md §3 ✗: what proved leadership at a time before the read came proves nothing for it.
    [Fact]
    public void A_read_joins_no_round_that_was_sent()
    {
        SteppedCluster cluster = Led(shards: 1);
        int leader = cluster.LeaderOf(0);
        Watch(cluster);
        cluster.Network.LosesBytes = IsAnswer;
        Task<KvResult<GetResult>> first = Get(cluster, leader, "k");
        cluster.Settle();
        Task<KvResult<GetResult>> second = Get(cluster, leader, "k");
        cluster.Settle();
        Assert.False(first.IsCompleted);

        // The answers to the first question come; those to the second are lost.
        var answers = _sent.Where(static s => s.Round.IsAnswer).ToList();
        cluster.Network.LosesBytes = frame => IsAnswer(frame) && !answers.Exists(a => frame.Span.SequenceEqual(a.Frame));
        foreach (var (from, to, _, frame) in answers) cluster.Network.Inject(from, to, PeerChannel.Raft, frame);
        cluster.Settle();
        Assert.True(first.IsCompleted && Answer(first).IsOk);
        Assert.False(second.IsCompleted);
        cluster.Network.Heal();
        Assert.True(cluster.Await(second).IsOk);
    }

    // An answer to the process before may come late: it must not be one to a question of this process.
    [Fact]
    public void Rounds_of_two_processes_of_a_node_have_no_numbers_in_common()
    {
        SteppedCluster cluster = Led(shards: 1);
        int node = cluster.LeaderOf(0);
        Watch(cluster);
        ulong before = AskedNumber();
        cluster.Crash(node, 1);
        cluster.Start(node);
        cluster.Run(2000);
        cluster.AwaitLeaders();
        if (cluster.LeaderOf(0) is var leader && leader != node)
        {
            Assert.True(cluster.Await(cluster.Nodes[leader]!.TransferShardAsync(
                new ShardId(0), $"n{node + 1}", cluster.Context(5000)).AsTask()).IsOk);
        }

        ulong after = AskedNumber();
        Assert.True(Math.Max(before, after) - Math.Min(before, after) > 1_000_000, $"{before}, then {after}");

        ulong AskedNumber()
        {
            _sent.Clear();
            Assert.True(cluster.Await(Get(cluster, node, "k")).IsOk);
            return _sent.First(s => !s.Round.IsAnswer && s.From == cluster.Numbers[node]).Round.Round;
        }
    }

    // Decision 0194: the same office since before the question.
    [Fact]
    public void A_round_confirms_nothing_for_an_office_that_was_given_up_behind_the_question()
    {
        SteppedCluster cluster = Led(shards: 1);
        int leader = cluster.LeaderOf(0);
        NodeNumber to = cluster.Numbers[leader], from = cluster.Numbers[(leader + 1) % 3];
        Watch(cluster);
        cluster.Network.LosesBytes = IsAnswer;
        Task<KvResult<GetResult>> read = Get(cluster, leader, "k");
        cluster.Settle();
        var answers = _sent.Where(static s => s.Round.IsAnswer).ToList();
        Raft.RaftMessage later = new()
        {
            Kind = Raft.MessageKind.AppendResponse, Group = new Raft.GroupId(0), From = new Raft.ReplicaId(from.Value),
            To = new Raft.ReplicaId(to.Value), Term = new Raft.Term(cluster.Nodes[leader]!.Inspect(new ShardId(0)).Term + 1),
            IsRejected = true,
        };
        cluster.Network.Heal();
        cluster.Network.Inject(from, to, PeerChannel.Raft, ClusterDurabilityTests.Frame(Hash(cluster), from, to, later));
        cluster.Settle();
        Assert.Equal(Raft.RaftRole.Follower, cluster.Nodes[leader]!.Inspect(new ShardId(0)).Role);
        foreach (var answer in answers) Inject(cluster, answer);
        Assert.False(read.IsCompleted);
        Assert.True(cluster.Await(read).IsOk);
    }

    [Fact]
    public void Reads_leave_groups_asleep()
    {
        SteppedCluster cluster = Led(shards: 4);
        Assert.True(cluster.Put("k", "v").IsOk);
        cluster.Run(6000);
        var shard = cluster.Nodes[0]!.ShardOf(Bytes("k"));
        int leader = cluster.LeaderOf(shard.Value);
        Assert.Equal("v", cluster.Read(leader, "k"));
        for (int i = 0; i < 3; i++) Assert.Equal(Raft.SleepState.Asleep, cluster.Nodes[i]!.Inspect(shard).Sleep);

        // One that wanted the lease wakes its group, so that the next one has it.
        Assert.Equal(Consistency.Linearizable, cluster.Get(leader, "k", Consistency.Lease).Value.Meta.Consistency);
        cluster.Run(300);
        Assert.Equal(Consistency.Lease, cluster.Get(leader, "k", Consistency.Lease).Value.Meta.Consistency);
    }

    [Fact]
    public void A_round_that_nobody_answers_is_given_up_and_its_groups_ask_for_themselves()
    {
        SteppedCluster cluster = Led(shards: 2);
        int leader = cluster.LeaderOf("k");
        cluster.Network.LosesBytes = static frame => ReadRoundFrame.IsOne(frame.Span);
        Task<KvResult<GetResult>> read = Get(cluster, leader, "k");
        cluster.Run(50);
        Assert.False(read.IsCompleted);
        cluster.Run(200);
        Assert.True(read.IsCompleted && Answer(read).IsOk);
    }

    [Fact]
    public void An_answer_that_comes_twice_counts_once()
    {
        SteppedCluster cluster = Led(shards: 1, nodes: 5);
        int leader = cluster.LeaderOf(0);
        Watch(cluster);
        cluster.Network.LosesBytes = IsAnswer;
        Task<KvResult<GetResult>> read = Get(cluster, leader, "k");
        cluster.Settle();
        var answers = _sent.Where(static s => s.Round.IsAnswer).ToList();
        Assert.Equal(4, answers.Count);
        cluster.Network.Heal();
        for (int i = 0; i < 3; i++) Inject(cluster, answers[0]);
        Assert.False(read.IsCompleted);
        Inject(cluster, answers[1]);
        Assert.True(read.IsCompleted && Answer(read).IsOk);
    }

    [Fact]
    public void A_replica_confirms_its_leader_in_its_term_and_nothing_else()
    {
        SteppedCluster cluster = Led(shards: 2);
        int leader = cluster.LeaderOf(0), follower = (leader + 1) % 3;
        NodeNumber from = cluster.Numbers[leader], to = cluster.Numbers[follower];
        var term = new Term(cluster.Nodes[leader]!.Inspect(new ShardId(0)).Term);
        var right = new ReadRoundGroup(new ShardId(0), term, new ReplicaId(from.Value), new ReplicaId(to.Value));
        ReadRoundGroup[] asked =
        [
            right,
            right with { Term = new Term(term.Value + 1) },
            right with { Term = new Term(term.Value - 1) },
            right with { Leader = new ReplicaId(cluster.Numbers[(leader + 2) % 3].Value) },
            right with { Asked = new ReplicaId(to.Value + 900) },
            right with { Shard = new ShardId(77) },
            right,
            right with { Shard = new ShardId(1) },
            right,
        ];
        var head = new ReadRoundFrame(from, to, 7, asked.Length, IsAnswer: false);
        byte[] frame = head.NewFrame();
        for (int i = 0; i < asked.Length; i++) ReadRoundFrame.WriteGroup(ReadRoundFrame.BodyOf(frame), i, asked[i]);
        head.Seal(frame, Hash(cluster));
        Watch(cluster);
        cluster.Network.Inject(from, to, PeerChannel.Raft, frame);
        // Of another cluster, to another node, by another one than it says: not answered.
        head.Seal(frame = [.. frame], Hash(cluster) + 1);
        cluster.Network.Inject(from, to, PeerChannel.Raft, frame);
        (head with { To = from }).Seal(frame = [.. frame], Hash(cluster));
        cluster.Network.Inject(from, to, PeerChannel.Raft, frame);
        (head with { From = to }).Seal(frame = [.. frame], Hash(cluster));
        cluster.Network.Inject(from, to, PeerChannel.Raft, frame);
        cluster.Settle();
        var answer = Assert.Single(_sent);
        Assert.Equal((to, 7UL, asked.Length), (answer.From, answer.Round.Round, answer.Round.Groups));
        Assert.True(ReadRoundFrame.TryDecode(answer.Frame, Hash(cluster), out _, out ReadOnlySpan<byte> bits));
        Assert.Equal([0b0100_0001, 0b1], bits.ToArray());
    }

    [Fact]
    public void Frames_of_rounds_with_changed_bytes_are_dropped_or_read_within_their_bounds()
    {
        SteppedCluster cluster = Led(shards: 24);
        Watch(cluster);
        for (uint shard = 0; shard < 24; shard++) _ = Get(cluster, cluster.LeaderOf(shard), KeyOf(cluster, shard));
        cluster.Settle();
        Assert.Contains(_sent, static s => s.Round.IsAnswer);
        Assert.Contains(_sent, static s => !s.Round.IsAnswer);
        ulong hash = Hash(cluster);
        foreach ((_, _, _, byte[] valid) in _sent)
        {
            foreach (byte[] flipped in Frames.EachBitFlipped(valid)) Assert.False(ReadRoundFrame.TryDecode(flipped, hash, out _, out _));
        }

        var random = new Prng(5);
        for (int i = 0; i < 5000; i++)
        {
            byte[] frame = [.. _sent[random.NextInt(_sent.Count)].Frame];
            if (random.Chance(0.2)) frame = frame[..random.NextInt(frame.Length)];
            for (int n = random.NextInt(1, 5); n > 0 && frame.Length > 0; n--)
                frame[random.NextInt(frame.Length)] = (byte)random.NextInt(256);
            if (frame.Length > 4)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(
                    frame.AsSpan(frame.Length - 4), Crc32C.Compute(frame.AsSpan(0, frame.Length - 4)));
            }

            if (!ReadRoundFrame.TryDecode(frame, hash, out ReadRoundFrame round, out ReadOnlySpan<byte> body)) continue;
            Assert.Equal(ReadRoundFrame.BodyBytes(round.Groups, round.IsAnswer), body.Length);
            for (int at = 0; at < round.Groups; at++)
            {
                if (round.IsAnswer) ReadRoundFrame.IsSet(body, at);
                else ReadRoundFrame.ReadGroup(body, at);
            }
        }
    }

    private static SteppedCluster Led(int shards, int nodes = 3)
    {
        var cluster = new SteppedCluster(nodes, shards);
        cluster.AwaitLeaders();
        cluster.Run(200);
        return cluster;
    }

    private void Watch(SteppedCluster cluster)
    {
        ulong hash = Hash(cluster);
        cluster.Network.Sent = (from, to, channel, frame) =>
        {
            if (channel != PeerChannel.Raft) return;
            if (ReadRoundFrame.TryDecode(frame.Span, hash, out ReadRoundFrame round, out ReadOnlySpan<byte> _))
                _sent.Add((from, to, round, frame.ToArray()));
        };
    }

    private static void Inject(SteppedCluster cluster, (NodeNumber From, NodeNumber To, ReadRoundFrame Round, byte[] Frame) sent)
    {
        cluster.Network.Inject(sent.From, sent.To, PeerChannel.Raft, sent.Frame);
        cluster.Settle();
    }

    private static bool IsAnswer(ReadOnlyMemory<byte> frame) => ReadRoundFrame.IsOne(frame.Span) && frame.Span[1] == 2;

    private static ulong Hash(SteppedCluster cluster) => PeerBatch.HashOf(cluster.Plan(cluster.Numbers[0]).ClusterId);

    private static string KeyOf(SteppedCluster cluster, uint shard) => Enumerable.Range(0, 10_000).Select(static i => $"k{i}")
        .First(key => cluster.Nodes[0]!.ShardOf(Bytes(key)).Value == shard);

    private static Task<KvResult<GetResult>> Get(SteppedCluster cluster, int node, string key) =>
        cluster.Nodes[node]!.GetAsync(Bytes(key), ReadOptions.Default, cluster.Context(5000)).AsTask();
}
