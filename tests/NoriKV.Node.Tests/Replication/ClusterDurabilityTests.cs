using Nori.Core;
using Nori.Raft;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Replication;

/// <summary>What must be durable before what, and what a disk that stands still may and may not hold up.</summary>
public sealed class ClusterDurabilityTests
{
    [Fact]
    public void A_leaders_own_slow_disk_does_not_delay_a_commit()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        cluster.Frozen.Add((leader, "log"));
        Task<KvResult<PutResult>> put = cluster.BeginPut(leader, "k", "v");
        cluster.Settle();
        Assert.True(Answer(put).IsOk);
        Assert.True(cluster.Nodes[leader]!.Inspect(new ShardId(0)).Durable < cluster.Nodes[leader]!.Inspect(new ShardId(0)).Commit);

        // What was applied ahead of the own log must not be in tables ahead of it: the crash takes both back together.
        for (int i = 0; i < 20; i++) cluster.Nodes[leader]!.Steps.Single(s => s.Name == "engine").RunOnce();
        cluster.Crash(leader, 3);
        cluster.Frozen.Clear();
        cluster.Start(leader);
        cluster.AwaitLeaders();
        Assert.Equal("v", cluster.Read(leader, "k"));
    }

    [Fact]
    public void A_table_with_what_the_own_log_does_not_have_yet_waits_for_it()
    {
        var cluster = new SteppedCluster(shards: 1, configure: static o => o with { MemtableBytes = 8192 });
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        cluster.Frozen.Add((leader, "log"));
        string value = new('v', 1000);
        for (int i = 0; i < 30; i++) Answer(Settled(cluster, leader, $"k{i}", value));
        for (int i = 0; i < 50; i++) cluster.Nodes[leader]!.Steps.Single(s => s.Name == "engine").RunOnce();
        cluster.Crash(leader, 4);
        cluster.Frozen.Clear();
        // "The engine is ahead of the log" would be corruption, and it would not start.
        cluster.Start(leader);
        cluster.AwaitLeaders();
        cluster.Run(1000);
        ClusterReplicationTests.AssertEqualReplicas(cluster);
        for (int i = 0; i < 30; i++) Assert.Equal(value, cluster.Read(leader, $"k{i}"));
    }

    // All that was written before is durable, and only this one write is not.
    [Fact]
    public void A_table_waits_for_the_very_write_of_its_last_entry()
    {
        var cluster = new SteppedCluster(shards: 1);
        Assert.True(cluster.Put("k", "before").IsOk);
        cluster.Run(300);
        int leader = cluster.LeaderOf(0);
        NoriNode node = cluster.Nodes[leader]!;
        cluster.Frozen.Add((leader, "log"));
        Task<KvResult<PutResult>> put = cluster.BeginPut(leader, "k", "v");
        cluster.Settle();
        Assert.True(Answer(put).IsOk);
        Task flush = node.Parts.Storage.FlushAsync(CancellationToken.None).AsTask();
        for (int i = 0; i < 20; i++) cluster.Settle();
        ulong flushed = node.Parts.Gate.FlushedIndex(new ShardId(0)).Value;
        Assert.True(flushed < cluster.Status(leader, 0).Applied.Value, $"tables hold {flushed}, which the log does not");

        cluster.Frozen.Clear();
        cluster.RunUntil(() => flush.IsCompleted, "the table is there when the log is");
        Assert.Equal(cluster.Status(leader, 0).Applied, node.Parts.Gate.FlushedIndex(new ShardId(0)));
    }

    [Fact]
    public void A_leader_whose_disk_stands_still_gives_up_leadership()
    {
        var cluster = new SteppedCluster(shards: 3);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf("k");
        uint shard = cluster.Nodes[0]!.ShardOf(Bytes("k")).Value;
        cluster.Frozen.Add((leader, "log"));
        Task<KvResult<PutResult>> put = cluster.BeginPut(leader, "k", "v");
        cluster.RunUntil(() => cluster.LeaderOf(shard) is var now && now >= 0 && now != leader, "another one leads", 1200);
        Assert.Equal(HealthStatus.Degraded, cluster.Nodes[leader]!.Health.Status);
        Assert.True(put.IsCompleted);

        // And it does not campaign while it is not well, and takes part again when it is.
        cluster.Frozen.Clear();
        cluster.Run(2000);
        Assert.Equal(HealthStatus.Healthy, cluster.Nodes[leader]!.Health.Status);
        ClusterReplicationTests.AssertEqualReplicas(cluster);
    }

    /// <summary>A leader sends again what it hears nothing of, with each heartbeat, for as long as the disk stands still.</summary>
    [Fact]
    public void What_waits_for_a_disk_that_stands_still_is_bounded()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int slow = cluster.LeaderOf(0);
        cluster.Frozen.Add((slow, "log"));
        cluster.RunUntil(() => cluster.LeaderOf(0) is var now && now >= 0 && now != slow, "another one leads", 3000);
        for (int i = 0; i < 90; i++)
        {
            Assert.True(cluster.Put($"k{i}", "v").IsOk);
            cluster.Run(1000);
        }

        RaftGroup group = cluster.Nodes[slow]!.Log.Group(new ShardId(0))!;
        Assert.InRange(group.InFlight, 2, 256);
        cluster.Frozen.Clear();
        cluster.Run(3000);
        Assert.Equal(0, group.InFlight);
        ClusterReplicationTests.AssertEqualReplicas(cluster);
    }

    [Fact]
    public void An_idle_node_whose_disk_stands_still_finds_out_and_gives_up_leadership()
    {
        var cluster = new SteppedCluster(shards: 3);
        cluster.AwaitLeaders();
        cluster.Run(5000);
        int leader = cluster.LeaderOf(0);
        cluster.Frozen.Add((leader, "log"));
        cluster.RunUntil(() => cluster.LeaderOf(0) is var now && now >= 0 && now != leader, "another one leads", 6000);
    }

    [Fact]
    public void What_promises_durability_never_leaves_before_the_sync()
    {
        var cluster = new SteppedCluster(shards: 2);
        var promises = new List<Raft.RaftMessage>();
        ulong self = PeerBatch.HashOf(cluster.Plan(cluster.Numbers[0]).ClusterId);
        cluster.Network.Sent = (from, _, channel, frame) =>
        {
            int i = (int)from.Value - 1;
            if (channel != PeerChannel.Raft || VouchFrame.IsOne(frame.Span) || !cluster.Frozen.Contains((i, "log"))) return;
            promises.AddRange(Messages(frame, self).Where(IsPromise));
        };

        // From the start: no vote leaves, so nobody is elected.
        for (int i = 0; i < 3; i++) cluster.Frozen.Add((i, "log"));
        cluster.Run(3000);
        Assert.Empty(promises);
        Assert.Equal(-1, cluster.LeaderOf(0));
        cluster.Frozen.Clear();
        cluster.AwaitLeaders();

        // A follower confirms no entry that its disk does not have.
        int leader = cluster.LeaderOf(0);
        int follower = (leader + 1) % 3;
        ulong durable = cluster.Nodes[follower]!.Inspect(new ShardId(0)).Durable;
        cluster.Frozen.Add((follower, "log"));
        string key = Enumerable.Range(0, 100).Select(i => $"k{i}").First(k => cluster.Nodes[0]!.ShardOf(Bytes(k)).Value == 0);
        Assert.True(Answer(Settled(cluster, leader, key, "v")).IsOk);
        cluster.Run(200);
        Assert.DoesNotContain(promises, m => m.Group.Value == 0 && m.Index.Value > durable);
    }

    /// <summary>The log's thread syncs while the worker takes more: what it took meanwhile waits for a sync of its own.</summary>
    [Fact]
    public void What_is_taken_while_a_sync_is_under_way_is_not_durable_with_it()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0), follower = (leader + 1) % 3;
        cluster.Run(200);
        NoriNode node = cluster.Nodes[follower]!;
        NodeStep log = node.Steps.Single(s => s.Name == "log");
        cluster.Frozen.Add((follower, "log"));
        Assert.True(Answer(Settled(cluster, leader, "a", "1")).IsOk);
        ulong first = node.Inspect(new ShardId(0)).Last;
        log.RunOnce();
        Assert.True(log.IsSyncing());
        Assert.True(Answer(Settled(cluster, leader, "b", "2")).IsOk);
        Assert.Equal(first + 1, node.Inspect(new ShardId(0)).Last);

        // The sync ends; the second write waits for its turn, and the power fails.
        log.RunOnce();
        cluster.Settle();
        Assert.Equal(first, node.Inspect(new ShardId(0)).Durable);
        Raft.Progress known = cluster.Nodes[leader]!.Log.Group(new ShardId(0))!.Core.Peers
            .Single(p => p.Id.Value == node.Inspect(new ShardId(0)).Replica.Value);
        Assert.Equal(first, known.Match.Value);
        cluster.Crash(follower, 1);
        cluster.Frozen.Clear();
        cluster.Start(follower);
        Assert.InRange(cluster.Nodes[follower]!.Inspect(new ShardId(0)).Last, first, first + 1);
    }

    // Heartbeats of a thousand groups come all the same, whatever keeps the worker.
    [Fact]
    public void Messages_that_wait_for_a_worker_that_stands_still_are_bounded_also_those_without_entries()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0), paused = (leader + 1) % 3;
        Raft.RaftCore core = cluster.Nodes[leader]!.Log.Group(new ShardId(0))!.Core;
        RaftHost host = cluster.Nodes[paused]!.Log;
        byte[] heartbeat = Frame(
            PeerBatch.HashOf(cluster.Plan(cluster.Numbers[0]).ClusterId), cluster.Numbers[leader], cluster.Numbers[paused],
            new Raft.RaftMessage
            {
                Kind = Raft.MessageKind.Heartbeat, Group = core.Group, From = core.Replica,
                To = host.Group(new ShardId(0))!.Core.Replica, Term = core.Term, Round = 1,
            });
        int most = (64 << 20) / RaftWorker.MessageBytes;
        for (int i = 0; i < most + 1000; i++) host.Receive(cluster.Numbers[leader], heartbeat);
        Assert.InRange(host.Workers[0].Queued, most - 100, most + 100);
    }

    [Fact]
    public void Messages_of_other_replicas_clusters_and_nodes_are_dropped()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0);
        NodeInspection at = cluster.Nodes[leader]!.Inspect(new ShardId(0));
        ulong term = at.Term;
        ulong hash = PeerBatch.HashOf(cluster.Plan(cluster.Numbers[0]).ClusterId);
        NodeNumber to = cluster.Numbers[leader], from = cluster.Numbers[(leader + 1) % 3];
        Raft.RaftMessage alarming = new()
        {
            Kind = Raft.MessageKind.AppendResponse, Group = new Raft.GroupId(0), From = new Raft.ReplicaId(from.Value),
            To = new Raft.ReplicaId(to.Value + 900), Term = new Raft.Term(term + 5), IsRejected = true,
        };
        cluster.Network.Inject(from, to, PeerChannel.Raft, Frame(hash, from, to, alarming));
        Raft.RaftMessage meant = alarming with { To = new Raft.ReplicaId(to.Value) };
        cluster.Network.Inject(from, to, PeerChannel.Raft, Frame(hash + 1, from, to, meant));
        cluster.Network.Inject(from, to, PeerChannel.Raft, Frame(hash, from, from, meant));
        cluster.Network.Inject(from, to, PeerChannel.Raft, Frame(hash, to, to, meant));
        cluster.Network.Inject(from, to, PeerChannel.Raft, Frame(hash, from, to, meant with { Group = new Raft.GroupId(77) }));
        cluster.Settle();
        Assert.Equal(term, cluster.Nodes[leader]!.Inspect(new ShardId(0)).Term);

        cluster.Network.Inject(from, to, PeerChannel.Raft, Frame(hash, from, to, meant));
        cluster.Settle();
        Assert.True(cluster.Nodes[leader]!.Inspect(new ShardId(0)).Term > term);
    }

    [Fact]
    public void Frames_with_changed_bytes_are_dropped_and_change_nothing()
    {
        var cluster = new SteppedCluster(shards: 2);
        var frames = new List<(NodeNumber From, NodeNumber To, byte[] Frame)>();
        cluster.Network.Sent = (from, to, channel, frame) =>
        {
            if (channel == PeerChannel.Raft && frames.Count < 200) frames.Add((from, to, frame.ToArray()));
        };
        cluster.AwaitLeaders();
        for (int i = 0; i < 10; i++) Assert.True(cluster.Put($"k{i}", "v").IsOk);
        ulong hash = PeerBatch.HashOf(cluster.Plan(cluster.Numbers[0]).ClusterId);
        byte[][] batches = [.. frames.Select(static f => f.Frame).Where(f => PeerBatch.TryDecode(f, hash, out _, out _))];
        Assert.NotEmpty(batches);
        foreach (byte[] batch in batches)
        {
            foreach (byte[] flipped in Frames.EachBitFlipped(batch)) Assert.False(PeerBatch.TryDecode(flipped, hash, out _, out _));
        }

        var random = new Prng(5);
        for (int i = 0; i < 5000; i++)
        {
            (NodeNumber from, NodeNumber to, byte[] frame) = frames[random.NextInt(frames.Count)];
            byte[] mutated = Mutate(frame, random);
            // With a checksum that fits in half of the cases, so that the decoders behind it get their part.
            if (random.Chance(0.5) && mutated.Length > 4)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(
                    mutated.AsSpan(mutated.Length - 4), Crc32C.Compute(mutated.AsSpan(0, mutated.Length - 4)));
            }

            if (!PeerBatch.TryDecode(mutated, hash, out PeerBatch batch, out ReadOnlySpan<byte> messages)) continue;
            Assert.True(messages.Length < mutated.Length);
            var reader = new SpanReader(messages);
            var entries = new List<RaftEntry>();
            for (uint n = 0; n < batch.Messages && RaftMessageCodec.TryRead(ref reader, out _, entries); n++)
            {
                Assert.True(entries.Sum(e => (long)e.Data.Length) <= messages.Length);
            }
        }
    }

    private static Task<KvResult<PutResult>> Settled(SteppedCluster cluster, int node, string key, string value)
    {
        Task<KvResult<PutResult>> put = cluster.BeginPut(node, key, value);
        cluster.Settle();
        return put;
    }

    private static bool IsPromise(Raft.RaftMessage message) => message.Kind switch
    {
        Raft.MessageKind.AppendResponse or Raft.MessageKind.VoteResponse => !message.IsRejected,
        Raft.MessageKind.Vote => true,
        _ => false,
    };

    private static byte[] Mutate(byte[] frame, Prng random)
    {
        byte[] copy = random.Chance(0.2) ? frame[..random.NextInt(frame.Length)] : [.. frame];
        for (int i = random.NextInt(1, 5); i > 0 && copy.Length > 0; i--) copy[random.NextInt(copy.Length)] = (byte)random.NextInt(256);
        return copy;
    }

    internal static byte[] Frame(ulong hash, NodeNumber from, NodeNumber to, in Raft.RaftMessage message, ulong bootEpoch = 1)
    {
        var buffer = new FrameBuffer();
        RaftMessageCodec.Write(message, NoEntries.Instance, buffer);
        return new PeerBatch(from, to, bootEpoch, true, 0, 0, 1).Encode(hash, buffer.Written);
    }

    internal static List<Raft.RaftMessage> Messages(ReadOnlyMemory<byte> frame, ulong hash)
    {
        var messages = new List<Raft.RaftMessage>();
        Assert.True(PeerBatch.TryDecode(frame.Span, hash, out PeerBatch batch, out ReadOnlySpan<byte> bytes));
        var reader = new SpanReader(bytes);
        for (uint i = 0; i < batch.Messages; i++)
        {
            Assert.True(RaftMessageCodec.TryRead(ref reader, out Raft.RaftMessage message, []));
            messages.Add(message);
        }

        return messages;
    }

    private sealed class NoEntries : IEntrySource
    {
        public static NoEntries Instance { get; } = new();

        public RaftEntry GetEntry(Raft.LogIndex index, Raft.Term term) => throw new InvalidOperationException();
    }
}
