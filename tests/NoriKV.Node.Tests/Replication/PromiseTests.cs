using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Entries;
using NoriKV.Node.Log;
using NoriKV.Node.Replication;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Promises of the host that a crash, a pause or a wrong clock must not break.</summary>
public sealed class PromiseTests
{
    [Fact]
    public void A_vote_is_in_the_log_of_who_gave_it_before_it_counts()
    {
        var cluster = new SteppedCluster(shards: 3);
        cluster.AwaitLeaders();
        for (uint shard = 0; shard < 3; shard++)
        {
            int leader = cluster.LeaderOf(shard);
            ulong elected = cluster.Nodes[leader]!.Inspect(new ShardId(shard)).Replica.Value;
            int votes = Enumerable.Range(0, 3).Count(n => VoteOnDisk(cluster, n, shard) == elected);
            Assert.True(votes >= 2, $"shard {shard}: {votes} votes for {elected} on disks");
        }
    }

    private static ulong VoteOnDisk(SteppedCluster cluster, int node, uint shard)
    {
        var options = new SharedLogOptions
        {
            Directory = $"{SteppedNode.Data}/log",
            FileSystem = cluster.Disks[node].Crash(1, CrashMode.DropUnsynced),
            SegmentBytes = 1 << 20,
            OnCorruption = CorruptionAction.Report,
        };
        using SharedLog log = SharedLog.Open(options, out _);
        return log.GroupState(new ShardId(shard))?.HardState?.Vote.Value ?? 0;
    }

    // faults.md §2: what its leader told it of its loss it knows behind a restart that nobody tells it of.
    [Fact]
    public void A_replica_that_heard_of_what_it_lost_abstains_behind_the_next_start_as_well()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int leader = cluster.LeaderOf(0), amnesiac = (leader + 1) % 3;
        Assert.True(cluster.Put("kept", "1").IsOk);
        cluster.Run(200);
        MemoryFileSystem before = cluster.Disks[amnesiac].Crash(1, CrashMode.DropUnsynced);
        Assert.True(cluster.Put("lost", "2").IsOk);
        cluster.Run(200);
        cluster.Frozen.Add((amnesiac, "raft-0"));
        Restart(before);
        // So young a copy is vouched for.
        cluster.Run(100);
        Assert.False(IsDamaged());

        // It hears what it had confirmed; what it asks for is lost.
        cluster.Network.Loses = (from, _) => from == cluster.Numbers[amnesiac];
        cluster.Frozen.Clear();
        cluster.RunUntil(IsDamaged, "it hears of its loss", 500);
        cluster.Settle();
        cluster.Network.Isolate(cluster.Numbers[amnesiac].Value);
        Restart(cluster.Disks[amnesiac].Crash(2, CrashMode.DropUnsynced));
        Assert.True(IsDamaged());

        cluster.Network.Heal();
        cluster.RunUntil(() => !IsDamaged(), "it is whole again");
        cluster.Settle();
        Restart(cluster.Disks[amnesiac].Crash(3, CrashMode.DropUnsynced));
        Assert.False(IsDamaged());
        return;

        bool IsDamaged() => cluster.Nodes[amnesiac]!.Log.Group(new ShardId(0))!.Core.IsDamaged;

        void Restart(MemoryFileSystem disk)
        {
            cluster.Crash(amnesiac, 1);
            cluster.Disks[amnesiac] = disk;
            cluster.Files[amnesiac] = new FaultInjectingFileSystem(disk);
            cluster.Start(amnesiac);
        }
    }

    // faults.md P8: what it confirmed under later boot epochs it has forgotten, and who heard those lets it decide nothing.
    [Fact]
    public void A_node_that_comes_back_with_an_old_disk_has_no_say_among_those_that_heard_its_later_processes()
    {
        var cluster = new SteppedCluster(shards: 1);
        Assert.True(cluster.Put("k", "old").IsOk);
        int leader = cluster.LeaderOf(0), amnesiac = (leader + 1) % 3, other = 3 - leader - amnesiac;
        MemoryFileSystem old = cluster.Disks[amnesiac].Crash(1, CrashMode.DropUnsynced);
        for (int i = 0; i < 2; i++)
        {
            cluster.Crash(amnesiac, 1);
            cluster.Start(amnesiac);
            cluster.Run(300);
        }

        Assert.Equal(leader, cluster.LeaderOf(0));
        (NodeNumber Leader, NodeNumber Other) cut = (cluster.Numbers[leader], cluster.Numbers[other]);
        cluster.Network.Loses = (from, to) => (from, to) == (cut.Leader, cut.Other) || (to, from) == (cut.Leader, cut.Other);
        Assert.True(cluster.Await(cluster.BeginPut(leader, "k", "new")).IsOk);

        cluster.Crash(leader, 2);
        cluster.Crash(amnesiac, 3);
        cluster.Disks[amnesiac] = old;
        cluster.Files[amnesiac] = new FaultInjectingFileSystem(old);
        cluster.Network.Heal();
        cluster.Start(amnesiac);
        cluster.Run(5000);
        Assert.Equal(-1, cluster.LeaderOf(0));

        cluster.Start(leader);
        cluster.RunUntil(() => cluster.LeaderOf(0) >= 0, "who has all leads");
        Assert.Equal("new", cluster.Read(cluster.LeaderOf(0), "k"));
    }

    // What is written before a snapshot comes does not make the snapshot durable.
    [Fact]
    public void A_snapshot_that_is_not_installed_yet_does_not_count_as_durable()
    {
        var shard = new ShardId(0);
        var cluster = new SteppedCluster(shards: 1);
        Assert.True(cluster.Put("k0", "v").IsOk);
        int leader = cluster.LeaderOf(0), next = (leader + 1) % 3, late = 3 - leader - next;
        cluster.Network.Isolate(cluster.Numbers[late].Value);
        for (int i = 1; i < 20; i++) Assert.True(cluster.Put($"k{i}", "v").IsOk);
        cluster.Run(200);
        foreach (int i in new[] { leader, next })
            Assert.True(cluster.Await(cluster.Nodes[i]!.SnapshotShardAsync(shard, cluster.Context(5000)).AsTask()).IsOk);

        // It hears of a later term, whose write waits for the disk.
        cluster.Frozen.Add((late, "log"));
        cluster.Frozen.Add((late, "apply-0"));
        Assert.True(cluster.Await(cluster.Nodes[leader]!.TransferShardAsync(shard, $"n{next + 1}", cluster.Context(5000)).AsTask()).IsOk);
        cluster.Network.Heal();
        RaftGroup group = cluster.Nodes[late]!.Log.Group(shard)!;
        cluster.RunUntil(() => group.Installing is not null, "the snapshot is there");
        Assert.True(group.InFlight > 0);
        cluster.Frozen.Remove((late, "log"));
        cluster.Run(50);
        Assert.Equal(0, group.InFlight);
        Assert.NotNull(group.Installing);
        Assert.True(group.Core.DurableIndex < group.Core.BaseIndex, $"durable through {group.Core.DurableIndex}");

        cluster.Frozen.Clear();
        cluster.RunUntil(() => cluster.Status(late, 0).Applied == cluster.Status(next, 0).Applied, "it has all");
        Assert.True(group.Core.DurableIndex >= group.Core.BaseIndex);
    }

    [Fact]
    public void Ticks_that_were_missed_in_a_pause_are_not_made_up_for()
    {
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        int paused = (cluster.LeaderOf(0) + 1) % 3;
        foreach (NodeStep step in cluster.Nodes[paused]!.Steps) cluster.Frozen.Add((paused, step.Name));
        cluster.Run(2000); // not so long that the group falls asleep
        Raft.RaftRole before = cluster.Nodes[paused]!.Inspect(new ShardId(0)).Role;
        // It goes on, and looks at its clock often before anything reaches it.
        cluster.Frozen.Clear();
        for (int i = 0; i < 200; i++)
        {
            foreach (NodeStep step in cluster.Nodes[paused]!.Steps.Where(s => s.Name is "tick" or "raft-0")) step.RunOnce();
        }

        Assert.Equal((Raft.RaftRole.Follower, Raft.RaftRole.Follower), (before, cluster.Nodes[paused]!.Inspect(new ShardId(0)).Role));
    }

    /// <summary>
    /// A tick that came late begins the time to the next: made up for, two would count a leader's silence within less than one.
    /// </summary>
    [Fact]
    public void What_a_tick_was_late_does_not_shorten_the_time_to_the_next()
    {
        const long tickMs = 50;
        var cluster = new SteppedCluster(shards: 1);
        cluster.AwaitLeaders();
        NodeStep[] steps = [.. cluster.Nodes[cluster.LeaderOf(0)]!.Steps];
        NodeStep look = steps.Single(s => s.Name == "tick"), worker = steps.Single(s => s.Name == "raft-0");
        _ = IsTickedAfter(tickMs);
        Assert.True(IsTickedAfter(tickMs), "in time");
        Assert.True(IsTickedAfter((2 * tickMs) - 1), "late");
        Assert.False(IsTickedAfter(tickMs - 1), "too early after a late one");
        Assert.True(IsTickedAfter(1), "in time after a late one");

        bool IsTickedAfter(long ms)
        {
            while (worker.RunOnce())
            {
            }

            cluster.Time.AdvanceMs(ms);
            look.RunOnce();
            return worker.RunOnce();
        }
    }

    [Fact]
    public void Stamps_do_not_fall_when_the_clock_of_the_next_leader_is_behind()
    {
        var clocks = new Dictionary<string, SkewedTime>();
        var cluster = new SteppedCluster(shards: 1, configure: o => o with { Time = clocks[o.NodeName] = new SkewedTime(o.Time) });
        cluster.AwaitLeaders();
        cluster.Run(2000);
        Assert.True(cluster.Put("a", "1").IsOk);
        // All of them, so that none is off the others'; and one leads that never stamped, whose own clock has nothing to hold it.
        foreach (SkewedTime clock in clocks.Values) clock.SkewMs = -60_000;
        int first = cluster.LeaderOf(0), leader = (first + 1) % 3;
        KvResult<ShardView> moved = cluster.Await(
            cluster.Nodes[first]!.TransferShardAsync(new ShardId(0), $"n{leader + 1}", cluster.Context(5000)).AsTask());
        Assert.True(moved.IsOk, moved.Error?.Message);
        Assert.True(cluster.Put("b", "2").IsOk);
        cluster.Run(200);
        RaftGroup group = cluster.Nodes[leader]!.Log.Group(new ShardId(0))!;
        long last = 0;
        for (ulong index = group.Core.BaseIndex.Value + 1; index <= group.Core.LastIndex.Value; index++)
        {
            Assert.True(group.TryReadLog(index, out LogEntry entry));
            long stamp = EntryWriter.StampOf(entry.Envelope.Span);
            Assert.True(stamp >= last, $"entry {index} is stamped {stamp}, behind {last}");
            last = stamp;
        }

        Assert.True(last > 0);
    }
}
