using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Log;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Storage;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>
/// Three whole nodes: one that was down while the others forgot their logs comes back by snapshot under writes; one whose log is
/// damaged heals or stays away.
/// </summary>
public sealed class SnapshotClusterTests
{
    private const int Down = 2;

    [Fact]
    public void A_follower_that_was_down_while_the_log_was_compacted_comes_back_by_snapshot_under_writes()
    {
        foreach (ulong seed in new ulong[] { 1, 2, 3 })
        {
            var run = new Run(seed);
            run.LeaveBehind();
            run.Cluster.Start(Down);
            run.WriteUntilCaughtUp();
            Assert.True(run.SnapshotFrames > 0, $"seed {seed}: the log alone was enough");
            run.CheckSame();

            // It is a member like any other: it goes on from its log, and starts again with what it has.
            run.Cluster.Crash(Down, seed);
            run.Write(20);
            run.Cluster.Start(Down);
            run.WriteUntilCaughtUp();
            run.CheckSame();
        }
    }

    [Fact]
    public void A_loss_of_power_at_any_change_of_the_file_system_while_a_snapshot_comes_is_survived()
    {
        int crashes = 0;
        for (int call = 1; call < 120; call += 13)
        {
            var run = new Run(50 + (ulong)call);
            run.LeaveBehind();
            run.Cluster.Start(Down);
            crashes += run.CrashAt(call) ? 1 : 0;
            run.WriteUntilCaughtUp();
            run.CheckSame();
        }

        Assert.True(crashes > 6, $"only {crashes} crashes");
    }

    [Fact]
    public void A_leader_that_crashes_while_it_sends_is_replaced_and_the_snapshot_comes_from_another()
    {
        var run = new Run(9);
        run.LeaveBehind();
        run.Cluster.Start(Down);
        run.Cluster.RunUntil(() => run.SnapshotFrames > 1, "a snapshot is on its way");
        int leader = run.Cluster.LeaderOf(0);
        run.Cluster.Crash(leader, 9);
        run.Cluster.Run(3000);
        run.Cluster.Start(leader);
        run.WriteUntilCaughtUp();
        run.CheckSame();
    }

    // faults.md §2.3: a loss of power may take the term that a replica had answered in, and the snapshot brings it again.
    [Fact]
    public void A_snapshot_that_brings_a_term_is_answered_when_the_term_is_durable()
    {
        var run = new Run(10);
        SteppedCluster cluster = run.Cluster;
        var shard = new ShardId(0);
        run.LeaveBehind();
        int leader = 1 - cluster.LeaderOf(0);
        ulong hash = PeerBatch.HashOf(cluster.Plan(cluster.Numbers[0]).ClusterId);
        Raft.RaftMessage asked = default;
        HardState? stored = null;
        cluster.Network.Sent = (from, to, channel, frame) =>
        {
            if (channel != PeerChannel.Raft || !PeerBatch.TryDecode(frame.Span, hash, out PeerBatch _, out ReadOnlySpan<byte> _)) return;
            foreach (Raft.RaftMessage message in ClusterDurabilityTests.Messages(frame, hash))
            {
                if (message.Group.Value != shard.Value) continue;
                if (from == cluster.Numbers[leader] && to == cluster.Numbers[Down] && message.Kind == Raft.MessageKind.Append)
                    asked = message;
                if (from == cluster.Numbers[Down] && message is { Kind: Raft.MessageKind.AppendResponse, IsRejected: false })
                    stored ??= OnDisk();
            }
        };
        Assert.True(cluster.Await(
            cluster.Nodes[1 - leader]!.TransferShardAsync(shard, $"n{leader + 1}", cluster.Context(5000)).AsTask()).IsOk);
        ulong term = cluster.Nodes[leader]!.Inspect(shard).Term;

        // Of this leader it hears nothing but the snapshot, for which it had asked in its life before.
        foreach (NodeStep step in cluster.Nodes[leader]!.Steps.Where(static s => s.Name.StartsWith("raft-", StringComparison.Ordinal)))
        {
            cluster.Frozen.Add((leader, step.Name));
            cluster.Frozen.Add((1 - leader, step.Name));
        }

        cluster.Start(Down);
        // It is vouched for, and nothing else comes.
        cluster.Run(50);
        cluster.Network.LosesFrame = (_, to, channel) => to == cluster.Numbers[Down] && channel == PeerChannel.Raft;
        cluster.Frozen.Clear();
        Assert.True(OnDisk().Term.Value < term);
        cluster.RunUntil(() => asked.Term.Value == term, "the leader asks where it stands");
        Raft.RaftMessage answer = new()
        {
            Kind = Raft.MessageKind.AppendResponse, Group = asked.Group, From = asked.To, To = asked.From, Term = asked.Term,
            Index = asked.Index, IsRejected = true, HintIndex = cluster.Nodes[Down]!.Log.Group(shard)!.Core.LastIndex,
        };
        NodeNumber down = cluster.Numbers[Down], to = cluster.Numbers[leader];
        byte[] rejection = ClusterDurabilityTests.Frame(hash, down, to, answer, cluster.Nodes[Down]!.BootEpoch);
        cluster.Network.Inject(down, to, PeerChannel.Raft, rejection);
        cluster.RunUntil(() => stored is not null, "the snapshot is answered");
        Assert.Equal(term, stored!.Value.Term.Value);
        return;

        HardState OnDisk() => run.OnDisk().Single(g => g.Shard == shard).HardState!.Value;
    }

    [Fact]
    public void A_read_that_a_snapshot_overtakes_finds_what_is_there()
    {
        HookedStorage? storage = null;
        var run = new Run(12, openStorage: async (setup, cancellation) =>
            storage = new HookedStorage(await LsmStorage.OpenAsync(setup, null, cancellation)));
        SteppedCluster cluster = run.Cluster; // the last node to open is the one that falls behind
        cluster.AwaitLeaders();
        Assert.True(cluster.Put("kept", "v").IsOk);
        run.Write(20);
        cluster.Run(500);
        cluster.Network.Isolate(cluster.Numbers[Down].Value);
        cluster.Run(3000);
        run.Write(200);
        cluster.Run(3000);
        uint shard = cluster.Nodes[0]!.ShardOf(SteppedNode.Bytes("kept")).Value;
        ulong before = cluster.Status(Down, shard).Applied.Value;
        int reads = 0;
        storage!.BeforeRead = _ =>
        {
            // Between the look at the slot and the read of the key the shard is replaced and its old slot emptied.
            reads++;
            cluster.Network.Heal();
            cluster.RunUntil(() => cluster.Status(Down, shard).Applied.Value > before + 40, "the snapshot is installed");
            cluster.Run(500);
        };
        Assert.Equal("v", cluster.Read(Down, "kept", Consistency.StaleOk));
        Assert.True(reads == 1 && run.SnapshotFrames > 0, $"{reads} reads, {run.SnapshotFrames} frames: nothing overtook the read");
    }

    [Fact]
    public void A_damaged_follower_heals_from_its_peers_and_forgets_the_damage()
    {
        int healed = 0;
        for (ulong seed = 20; seed < 26; seed++)
        {
            // Its tables hold nothing: what the log lost, it needs.
            var run = new Run(seed, memtableBytes: 4 << 20, liveEntries: 1_000_000);
            run.Cluster.AwaitLeaders();
            run.Write(300);
            run.Cluster.Run(1000);
            run.Cluster.Crash(Down, seed);
            run.DamageAnOlderSegment();
            run.Cluster.Start(Down);
            healed += run.Damaged(LogDamage.Entries).Count;
            run.WriteUntilCaughtUp();
            run.Cluster.Run(1000);
            run.CheckSame();
            Assert.Empty(run.Damaged(LogDamage.Entries));
        }

        Assert.True(healed > 3, $"only {healed} replicas were damaged");
    }

    [Fact]
    public void A_replica_that_may_have_forgotten_its_vote_stays_away_says_why_and_the_cluster_serves()
    {
        var run = new Run(30, memtableBytes: 4 << 20, liveEntries: 1_000_000);
        run.Cluster.AwaitLeaders();
        run.Write(60);
        run.Cluster.Run(1000);
        run.Cluster.Stop(Down);
        run.DamageTheNewestSegment();
        for (int start = 0; start < 2; start++)
        {
            run.Cluster.Start(Down);
            List<GroupState> lost = run.Damaged(LogDamage.HardState);
            Assert.NotEmpty(lost);
            run.Cluster.Run(1500);
            run.Write(10);
            foreach (GroupState group in lost)
            {
                // Nothing of it votes, leads or answers.
                KvResult<ShardView> view = run.Cluster.Await(
                    run.Cluster.Nodes[Down]!.SnapshotShardAsync(group.Shard, run.Cluster.Context(2000)).AsTask());
                Assert.False(view.IsOk);
                Assert.NotEqual(Down, run.Cluster.LeaderOf(group.Shard.Value));
            }

            run.Cluster.Crash(Down, 30);
        }
    }

    private sealed class Run
    {
        private readonly Prng _random;
        private int _next;

        public Run(
            ulong seed, long memtableBytes = 8 << 10, long liveEntries = 60,
            Func<StorageSetup, CancellationToken, ValueTask<IStorage>>? openStorage = null)
        {
            _random = new Prng(seed);
            Cluster = new SteppedCluster(shards: 2, seed: seed, configure: o => o with
            {
                LogSegmentBytes = 32 << 10,
                MemtableBytes = memtableBytes,
                LogLiveEntriesMax = liveEntries,
                LogEarlyFlushSegments = liveEntries > 1000 ? 100 : 2,
                OpenStorage = openStorage,
            });
            Cluster.Network.Sent = (_, to, channel, _) =>
            {
                if (channel == PeerChannel.Snapshot && to == Cluster.Numbers[Down]) SnapshotFrames++;
            };
        }

        public SteppedCluster Cluster { get; }

        public int SnapshotFrames { get; private set; }

        /// <summary>One node is down while the others write more than they keep.</summary>
        public void LeaveBehind()
        {
            Cluster.AwaitLeaders();
            Write(20);
            Cluster.Run(200);
            Cluster.Crash(Down, Cluster.Seed);
            Cluster.AwaitLeaders();
            Write(200);
            Cluster.Run(3000);
        }

        public void Write(int count)
        {
            for (int i = 0; i < count; i++)
            {
                string key = $"k{_random.NextInt(80)}";
                int leader = -1;
                Cluster.RunUntil(() => (leader = Cluster.LeaderOf(key)) >= 0, "a leader");
                Cluster.Await(Cluster.BeginPut(leader, key, $"v{_next++}" + new string('x', _random.NextInt(600))));
            }
        }

        public void WriteUntilCaughtUp()
        {
            for (int i = 0; i < 40; i++) Write(2);
            Cluster.RunUntil(
                () => Enumerable.Range(0, Cluster.Shards).All(s => IsEven((uint)s)), "all replicas are even", 60_000);
        }

        public void CheckSame()
        {
            for (uint shard = 0; shard < Cluster.Shards; shard++)
            {
                for (int node = 1; node < 3; node++) Assert.Equal(Cluster.Dump(0, shard), Cluster.Dump(node, shard));
            }

            string incoming = $"{SteppedNode.Data}/incoming";
            foreach (MemoryFileSystem disk in Cluster.Disks)
            {
                if (disk.DirectoryExists(incoming)) Assert.Empty(disk.List(incoming));
            }
        }

        /// <summary>The power of the node that comes back fails at its n-th change of the file system.</summary>
        public bool CrashAt(int call)
        {
            MemoryFileSystem? image = null;
            MemoryFileSystem disk = Cluster.Disks[Down];
            Cluster.Files[Down].Add(new FaultRule
            {
                Operation = FileOperation.Mutations,
                AfterCalls = call,
                Times = 1,
                Errno = 0,
                Action = _ => image ??= disk.Crash((ulong)call),
            });
            // From that moment on nobody hears of it.
            Cluster.Network.Loses = (from, to) => image is not null && (from == Cluster.Numbers[Down] || to == Cluster.Numbers[Down]);
            for (int i = 0; i < 100 && image is null; i++)
            {
                Cluster.Run(50);
                if (i % 4 == 0 && image is null) Write(1);
            }

            Cluster.Network.Heal();
            if (image is null) return false;
            Cluster.Crash(Down, 1);
            Cluster.Disks[Down] = image;
            Cluster.Files[Down] = new FaultInjectingFileSystem(image);
            Cluster.Start(Down);
            return true;
        }

        public void DamageAnOlderSegment()
        {
            string[] segments = Segments();
            Assert.True(segments.Length > 2, "too few segments");
            for (int n = 0; n < 3; n++)
            {
                Damage(segments[_random.NextInt(segments.Length - 2)], _random.NextInt(9500, 30_000));
            }
        }

        public void DamageTheNewestSegment()
        {
            Damage(Segments()[^1], 8192 + 70); // the copies with which it begins
        }

        // In more than one sector: one alone is put right from the others.
        private void Damage(string file, int offset)
        {
            Cluster.Disks[Down].Corrupt(file, offset, 0x20);
            Cluster.Disks[Down].Corrupt(file, offset + 300, 0x10);
            Cluster.Disks[Down].Corrupt(file, offset + 600, 0x08);
        }

        public List<GroupState> Damaged(LogDamage damage) => [.. OnDisk().Where(g => g.Damage == damage)];

        /// <summary>What the log on a node's disk says of its replicas, durably.</summary>
        public IReadOnlyList<GroupState> OnDisk()
        {
            MemoryFileSystem copy = Cluster.Disks[Down].Crash(1, CrashMode.DropUnsynced);
            using SharedLog log = SharedLog.Open(
                new SharedLogOptions
                {
                    Directory = $"{SteppedNode.Data}/log",
                    FileSystem = copy,
                    SegmentBytes = 32 << 10,
                    OnCorruption = CorruptionAction.Report,
                },
                out _);
            return log.Groups;
        }

        private bool IsEven(uint shard)
        {
            ulong commit = Enumerable.Range(0, 3).Max(n => Cluster.Status(n, shard).Commit.Value);
            return Cluster.LeaderOf(shard) >= 0
                && Enumerable.Range(0, 3).All(n => Cluster.Status(n, shard).Applied.Value == commit);
        }

        private string[] Segments() =>
        [
            .. Cluster.Disks[Down].List($"{SteppedNode.Data}/log")
                .Where(n => n.EndsWith(".wal", StringComparison.Ordinal)).Order()
                .Select(n => $"{SteppedNode.Data}/log/{n}"),
        ];
    }
}
