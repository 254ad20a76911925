using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests;

/// <summary>
/// Cases of docs/faults.md, §1 and R1–R18, that are not among the schedules: docs/raft-tests.md has the whole list.
/// </summary>
public sealed class FaultCatalogueTests
{
    private static readonly Dictionary<string, (ulong[] Voters, ulong[] Learners)> Changes = new(StringComparer.Ordinal)
    {
        ["add"] = ([1, 2, 3, 4], []),
        ["remove a follower"] = ([1, 2], [4]),
        ["remove the leader"] = ([2, 3], [4]),
        ["demote the leader"] = ([2, 3], [1, 4]),
        ["replace a follower"] = ([1, 2, 4], []),
        ["replace the leader"] = ([2, 3, 4], []),
        ["replace two"] = ([1, 4], []),
    };

    public static TheoryData<string, int> ChangesAndSteps()
    {
        TheoryData<string, int> rows = [];
        foreach (string change in Changes.Keys)
            for (int step = 0; step <= 8; step++) rows.Add(change, step);
        return rows;
    }

    // R3: "leader change during every membership step; concurrent add+remove; remove leader; demote leader; joint config
    // abandoned then auto-left by new leader". The leader dies after each message of the change in turn.
    [Theory]
    [MemberData(nameof(ChangesAndSteps))]
    public void A_change_whose_leader_dies_is_ended_or_undone_by_all(string change, int step)
    {
        ScriptCluster c = new(3, 1);
        c.Elect(1);
        Assert.True(c.Configure(1, [1, 2, 3], [4]).IsAccepted);
        c.Deliver();
        Configuration old = c[1].Configuration;
        (ulong[] voters, ulong[] learners) = Changes[change];
        Assert.True(c.Configure(1, voters, learners).IsAccepted);
        for (int i = 0; i < step; i++) c.DeliverOnce();
        c.Crash(1);
        c.Run(80);
        c.Start(1);
        c.Run(120);

        int[] leaders = [.. Enumerable.Range(1, 4).Where(id => c[id].Role == RaftRole.Leader)];
        RaftCore leader = c[leaders.MaxBy(id => c[id].Term.Value)];
        Configuration target = new(voters.Select(v => new ReplicaId(v)), learners.Select(v => new ReplicaId(v)));
        Assert.False(leader.Configuration.IsJoint);
        Assert.Contains(leader.Configuration, new[] { old, target });
        Assert.True(c.Propose((int)leader.Replica.Value).IsAccepted);
        c.Run(4);
        Assert.All(leader.Configuration.Members, member =>
        {
            RaftCore core = c[(int)member.Value];
            Assert.Equal((leader.Configuration, leader.LastIndex), (core.Configuration, core.Commit));
        });
    }

    // R4: "single-server bug schedules (one add/one remove, two adds, two removes)". The first leader's change is known to
    // itself alone; the second leader's is the one that counts.
    [Theory]
    [InlineData(new ulong[] { 1, 2, 3, 4, 5 }, new ulong[] { 2, 3, 4 })]
    [InlineData(new ulong[] { 1, 2, 3, 4, 5 }, new ulong[] { 1, 2, 3, 4, 6 })]
    [InlineData(new ulong[] { 1, 3, 4 }, new ulong[] { 2, 3, 4 })]
    [InlineData(new ulong[] { 1, 2, 3 }, new ulong[] { 1, 2, 3, 4, 5, 6 })]
    public void Of_two_changes_by_two_leaders_one_comes_to_be(ulong[] first, ulong[] second)
    {
        ScriptCluster c = new(4, 2);
        c.Elect(1);
        Assert.True(c.Configure(1, [1, 2, 3, 4], [5, 6]).IsAccepted);
        c.Deliver();
        c.Isolate(1);
        Assert.True(c.Configure(1, first).IsAccepted);
        c.Deliver();
        c.Elect(2);
        Assert.True(c.Configure(2, second).IsAccepted);
        c.Deliver();
        c.Heal();
        c.Run(40);
        Assert.Equal(RaftRole.Leader, c[2].Role);
        Assert.Equal(new Configuration(second.Select(v => new ReplicaId(v))), c[2].Configuration);
        Assert.All(second, id => Assert.Equal(c[2].Configuration, c[(int)id].Configuration));
        Assert.NotEqual(RaftRole.Leader, c[1].Role);
    }

    // Raft §4.1 (dissertation): "if the entry is overwritten, the server falls back to the previous configuration".
    [Fact]
    public void A_configuration_whose_entry_is_cut_off_is_undone()
    {
        ScriptCluster c = new(4, 2);
        c.Elect(1);
        Assert.True(c.Configure(1, [1, 2, 3, 4], [5, 6]).IsAccepted);
        c.Deliver();
        Configuration before = c[1].Configuration;
        c.Isolate(1);
        Assert.True(c.Configure(1, [1, 2, 3, 4, 5]).IsAccepted);
        Assert.NotEqual(before, c[1].Configuration);
        c.Elect(2);
        Assert.True(c.Propose(2).IsAccepted);
        c.Deliver();
        c.Heal();
        c.Run(40);
        Assert.Equal(c[2].LastIndex, c[1].LastIndex);
        Assert.Equal(before, c[1].Configuration);
    }

    // etcd #14370: one replica alone acknowledged before its sync.
    [Fact]
    public void A_replica_alone_commits_only_what_is_durable()
    {
        SoloCore solo = SoloCore.Leader(1);
        LogIndex before = solo.Core.Commit;
        LogIndex first = solo.Core.TryPropose(1, 10).First;
        Ready earlier = solo.Take();
        LogIndex second = solo.Core.TryPropose(1, 10).First;
        Ready later = solo.Take();
        Assert.False(earlier.HasCommitted || later.HasCommitted);
        Assert.Equal(before, solo.Core.Commit);
        solo.Core.Advance(new Persisted(earlier.Number));
        Assert.Equal(first, solo.Core.Commit);
        solo.Core.Advance(new Persisted(later.Number));
        Assert.Equal(second, solo.Core.Commit);
    }

    // etcd 3.5 (lost entries after a crash between applying and noting how far): what is handed out again begins behind
    // exactly what the driver says was applied, never behind what the hard state calls committed.
    [Fact]
    public void What_was_committed_but_not_applied_is_handed_out_again()
    {
        Configuration only = new([new ReplicaId(1)]);
        RaftCore core = new(
            new RaftOptions
            {
                Group = new(1), Replica = new(1), Seed = 1, ElectionTicksMin = 10, ElectionTicksMax = 20, HeartbeatTicks = 2,
            },
            RaftState.New(only) with
            {
                HardState = new(new(1), new(1), new(5)), Terms = [new(new(1), new(1))], LastIndex = new(5), Applied = new(3),
            });
        Ready ready = core.TakeReady(0);
        Assert.Equal((4UL, 5UL), (ready.Committed.First.Value, ready.Committed.Last.Value));
    }

    // TiKV #10347: one read index was shared by replicas that used the same id.
    [Fact]
    public void Two_followers_that_use_one_id_each_get_their_own_answer()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        solo.Step(solo.From(2, MessageKind.ReadIndex) with { Context = 7 });
        solo.Step(solo.From(3, MessageKind.ReadIndex) with { Context = 7 });
        ulong round = solo.TakeAll().First(m => m.Kind == MessageKind.Heartbeat).Round;
        solo.Step(solo.From(2, MessageKind.HeartbeatResponse) with { Round = round });
        RaftMessage[] answers = [.. solo.TakeAll().Where(m => m.Kind == MessageKind.ReadIndexResponse)];
        Assert.Equal([2UL, 3UL], answers.Select(a => a.To.Value));
        Assert.All(answers, a => Assert.Equal((7UL, solo.Core.Commit), (a.Context, a.Index)));
    }

    // hashicorp/raft #503: the log store hung, heartbeats went on, and nobody was elected for ever. Here the others commit
    // without this disk, and the driver that sees it hang makes the leader resign.
    [Fact]
    public void A_leader_whose_disk_hangs_goes_on_with_the_others_and_makes_room_when_told()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.SlowDisk(1);
        LogIndex index = c.Propose(1).First;
        c.Deliver();
        Assert.True(c[1].Commit >= index && c[1].DurableIndex < index);
        c[1].Resign();
        c[1].IsEligible = false;
        c.Pump();
        c.Elect(2);
        Assert.True(c.Propose(2).IsAccepted);
        c.Deliver();
        Assert.Equal(c[2].LastIndex, c[2].Commit);
        Assert.Equal(RaftRole.Follower, c[1].Role);
    }

    // R8: "sender dies", "receiver disk full", "leader compacts log meanwhile", "two in a row".
    [Fact]
    public void A_snapshot_that_does_not_get_through_is_asked_for_again_and_may_be_a_later_one()
    {
        ScriptCluster c = Lagging(out LogIndex first);
        c[1].ReportSnapshot(new(3), first, isDelivered: false);
        c.Node(1).SnapshotRequests.Clear();
        c.Tick(1, 2);
        c.Deliver();
        Assert.Equal(3UL, Assert.Single(c.Node(1).SnapshotRequests).Peer.Value);

        c.Propose(1, 3);
        c.Deliver();
        Assert.True(c.Node(1).Compact(c[1].Commit));
        c.SendSnapshot(1, 3);
        c.SendSnapshot(1, 3);
        c.Deliver();
        c.Tick(1, 2);
        c.Deliver();
        Assert.Equal((c[1].LastIndex, c[1].Commit), (c[3].LastIndex, c[3].Commit));
        Assert.True(c[3].BaseIndex > first);
    }

    // R8: "crash mid-install": before the write it was never there, and its answer was not sent.
    [Fact]
    public void A_crash_before_a_snapshot_is_durable_leaves_what_was_there()
    {
        ScriptCluster c = Lagging(out _);
        (LogIndex last, LogIndex commit) = (c[3].LastIndex, c[3].Commit);
        c.SlowDisk(3);
        c.SendSnapshot(1, 3);
        Assert.True(c[3].BaseIndex > last);
        Assert.DoesNotContain(c.Network, p => p.Message.From.Value == 3 && p.Message.Kind == MessageKind.AppendResponse);
        c.Crash(3);
        c.Start(3);
        Assert.Equal((default(LogIndex), last), (c[3].BaseIndex, c[3].LastIndex));
        Assert.True(c[3].Commit <= commit);
        c.FastDisk(3);
        c.Tick(1, 4);
        c.Deliver();
        c.SendSnapshot(1, 3);
        c.Tick(1, 4);
        c.Deliver();
        Assert.Equal(c[1].Commit, c[3].Commit);
    }

    // R13: a follower's read and a snapshot cross: the index is one of the leader's, whatever the follower holds by then.
    [Fact]
    public void A_followers_read_that_crosses_a_snapshot_is_not_stale()
    {
        ScriptCluster c = Lagging(out _);
        c.Tick(1, 2);
        c.Deliver();
        Assert.Equal(ReadIndexStatus.Forwarded, c.Read(3));
        LogIndex acknowledged = c.Checker.Acknowledged;
        c.SendSnapshot(1, 3);
        c.Deliver();
        ReadState read = Assert.Single(c.Reads);
        Assert.False(read.IsAborted);
        Assert.True(read.Index >= acknowledged);
        Assert.True(c.Node(3).Applied >= read.Index);
    }

    // R10: "huge entry, empty batch, 0-length key/value".
    [Fact]
    public void Entries_of_no_bytes_and_of_many_are_replicated_and_no_entries_are_refused()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        Assert.Throws<ArgumentOutOfRangeException>(() => solo.Core.TryPropose(0, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => solo.Core.TryPropose(1, -1));
        foreach (long bytes in new[] { 0, 100_000_000 })
        {
            LogIndex index = solo.Core.TryPropose(1, bytes).First;
            RaftMessage append = solo.TakeAll().First(m => m.Kind == MessageKind.Append && !m.Entries.IsEmpty);
            Assert.Equal((index, index), (append.Entries.First, append.Entries.Last));
            foreach (ulong id in new ulong[] { 2, 3 })
                solo.Step(solo.From(id, MessageKind.AppendResponse) with { Index = index });
            Assert.Equal(index, solo.Core.Commit);
            solo.TakeAll();
        }
    }

    // R7: an id is never used again, so that a replica with old data is another one: it is not listened to, nor sent to.
    [Fact]
    public void A_replica_with_old_data_under_an_id_that_was_removed_has_no_say()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Isolate(3);
        Assert.True(c.Configure(1, [1, 2]).IsAccepted);
        c.Deliver();
        c.Propose(1, 2);
        c.Deliver();
        c.Heal();
        (Term term, LogIndex commit) = (c[1].Term, c[1].Commit);
        SoloCore old = new(3, new HardState(new(9), default, default));
        RaftMessage claim = old.From(3, MessageKind.AppendResponse, term.Value) with { To = new(1), Index = c[1].LastIndex };
        LogIndex proposed = c.Propose(1).First;
        Assert.Equal(StepResult.Ignored, c[1].Step(claim with { Index = proposed }));
        Assert.Equal(commit, c[1].Commit);
        Assert.DoesNotContain(c.Network, p => p.Message.To.Value == 3);
        c.Deliver();
        Assert.Equal(proposed, c[1].Commit);
    }

    // A leader whose third replica needs a snapshot and has been asked for one.
    private static ScriptCluster Lagging(out LogIndex compacted)
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Isolate(3);
        c.Propose(1, 6);
        c.Deliver();
        compacted = c[1].Commit;
        Assert.True(c.Node(1).Compact(compacted));
        c.Heal();
        c.Tick(1, 4);
        c.Deliver();
        Assert.NotEmpty(c.Node(1).SnapshotRequests);
        return c;
    }
}
