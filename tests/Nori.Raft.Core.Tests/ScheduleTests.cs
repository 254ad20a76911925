using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests;

/// <summary>
/// Schedules that have broken real systems, and the rules of protocol.md that keep them from doing so here.
/// </summary>
public sealed class ScheduleTests
{
    // The bug in the single-server change (Ongaro, raft-dev, 2015): two leaders in turn change the
    // configuration on top of an uncommitted one, and their majorities do not meet. Here a new leader may not
    // propose before it committed in its term.
    [Fact]
    public void No_change_of_membership_before_a_commit_in_the_own_term()
    {
        SoloCore solo = SoloCore.Leader(3);
        ConfigurationTarget target = new([new(1), new(2)]);
        Assert.Equal(ConfigurationStatus.NoCommitInTerm, solo.Core.TryProposeConfiguration(default, target).Status);
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = solo.Core.LastIndex });
        Assert.True(solo.Core.TryProposeConfiguration(default, target).IsAccepted);
    }

    // Half of the messages of a write that is alone in its group say nothing but that it is committed. They may wait for the
    // next append or heartbeat, but not where a follower reads.
    [Fact]
    public void That_more_is_committed_travels_with_what_is_sent_anyway_and_at_once_to_a_follower_that_reads()
    {
        ScriptCluster c = new(3, adjust: static o => o with { TellsCommitAtOnce = false });
        c.Elect(1);
        c.Run(2);
        LogIndex before = c[2].Commit;
        Assert.Equal(c[1].Commit, before);
        LogIndex first = c.Propose(1).First;
        c.Deliver();
        Assert.Equal(first, c[1].Commit);
        Assert.Equal(before, c[2].Commit);
        c.Propose(1);
        c.Deliver();
        Assert.Equal(first, c[2].Commit);
        c.Tick(1, 2);
        c.Deliver();
        Assert.Equal(c[1].Commit, c[2].Commit);
        LogIndex last = c.Propose(1).First;
        c.Deliver();
        Assert.True(c[3].Commit < last);
        c.Read(3);
        c.Deliver();
        Assert.Equal(last, c.Reads[^1].Index);
        Assert.Equal(last, c[3].Commit);
    }

    [Fact]
    public void That_a_configuration_is_committed_is_told_at_once_also_by_a_leader_that_is_voted_out()
    {
        ScriptCluster c = new(3, adjust: static o => o with { TellsCommitAtOnce = false });
        c.Elect(1);
        c.Run(2);
        Assert.True(c.Configure(1, [2, 3]).IsAccepted);
        c.Deliver();
        Assert.NotEqual(RaftRole.Leader, c[1].Role);
        Assert.All([2, 3], i => Assert.True(c[i].Commit >= c[i].ConfigurationIndex));
        Assert.All([2, 3], i => Assert.False(c[i].Configuration.IsJoint));
    }

    // The heartbeat of a read's round says only what a follower is known to hold: one that lagged then is told by an append.
    [Fact]
    public void A_follower_that_lagged_when_its_read_began_is_told_what_is_committed()
    {
        ScriptCluster c = new(3, adjust: static o => o with { TellsCommitAtOnce = false });
        c.Elect(1);
        c.Run(2);
        c.SlowDisk(3);
        LogIndex last = c.Propose(1).First;
        c.Deliver();
        Assert.Equal(last, c[1].Commit);
        c.Read(3);
        c.Deliver();
        Assert.Equal(last, c.Reads[^1].Index);
        Assert.Equal(last, c[3].Commit);
    }

    // The same schedule, played: both leaders try; at most one change survives and all agree on it.
    [Fact]
    public void Two_leaders_that_change_the_membership_in_turn_do_not_split_the_group()
    {
        ScriptCluster c = new(4, 1);
        c.Elect(1);
        Assert.True(c.Configure(1, [1, 2, 3, 4], [5]).IsAccepted);
        c.Deliver();
        c.Isolate(1);
        Assert.True(c.Configure(1, [1, 2, 3, 4, 5]).IsAccepted);
        c.Deliver();
        c.Elect(2);
        Assert.True(c.Configure(2, [2, 3, 4], [5]).IsAccepted);
        c.Deliver();
        c.Heal();
        c.Run(30);
        Assert.Equal(RaftRole.Leader, c[2].Role);
        // Replica 1 was voted out; what it proposed alone never came to be.
        Assert.Equal("(2 3 4) learners (5)", c[2].Configuration.ToString());
        Assert.Equal(c[2].Configuration, c[5].Configuration);
    }

    [Fact]
    public void A_change_names_the_configuration_it_was_planned_against_and_there_is_one_at_a_time()
    {
        ScriptCluster c = new(3, 1);
        c.Elect(1);
        c.Configure(1, [1, 2, 3], [4]);
        Assert.Equal(ConfigurationStatus.InProgress, c.Configure(1, [1, 2]).Status);
        c.Deliver();
        ConfigurationTarget target = new([new(1), new(2)]);
        Assert.Equal(ConfigurationStatus.Stale, c[1].TryProposeConfiguration(default, target).Status);
        Assert.Equal(ConfigurationStatus.Invalid, c.Configure(1, []).Status);
        Assert.Equal(ConfigurationStatus.Invalid, c.Configure(1, [1, 1]).Status);
        Assert.Equal(ConfigurationStatus.Invalid, c.Configure(1, [1, 2, 3], [4]).Status);
        Assert.Equal(ConfigurationStatus.NotLeader, c.Configure(2, [1]).Status);
    }

    // R5: a learner that lags may not become a voter, nor one that is not even a learner.
    [Fact]
    public void A_learner_is_promoted_only_when_it_has_caught_up()
    {
        ScriptCluster c = new(3, 1);
        c.Elect(1);
        ConfigurationResult result = c.Configure(1, [1, 2, 3, 4]);
        Assert.Equal((ConfigurationStatus.NotCaughtUp, new ReplicaId(4)), (result.Status, result.Replica));
        c.Isolate(4);
        c.Configure(1, [1, 2, 3], [4]);
        c.Deliver();
        c.Propose(1, 10);
        c.Deliver();
        Assert.Equal(ConfigurationStatus.NotCaughtUp, c.Configure(1, [1, 2, 3, 4]).Status);
        c.Heal();
        c.Run(6);
        Assert.True(c.Configure(1, [1, 2, 3, 4]).IsAccepted);
    }

    // A learner holds a copy and has no say: neither in commits nor in elections.
    [Fact]
    public void A_learner_does_not_count()
    {
        ScriptCluster c = WithTwoLearners();
        c.Isolate(2);
        c.Isolate(3);
        LogIndex index = c.Propose(1).First;
        c.Run(3);
        Assert.Equal(index, c[4].LastIndex);
        Assert.True(c[1].Commit < index);
        c.Tick(4, 100);
        Assert.Equal(RaftRole.Follower, c[4].Role);
    }

    // Raft §6: in a joint configuration neither half decides alone.
    [Fact]
    public void A_joint_configuration_needs_both_halves()
    {
        ScriptCluster c = WithTwoLearners();
        // The new half is 1, 4, 5; of the old one only the leader is there.
        c.Isolate(2);
        c.Isolate(3);
        LogIndex index = c.Configure(1, [1, 4, 5]).Index;
        c.Run(3);
        Assert.Equal(index, c[4].LastIndex);
        Assert.True(c[1].Commit < index);
        c.Heal();
        c.Run(6);
        Assert.True(c[1].Commit > index);
        Assert.Equal("(1 4 5)", c[1].Configuration.ToString());
    }

    // Dissertation §4.2.2: replicas outside the new configuration may be the only ones that hold its entry.
    [Fact]
    public void A_replica_that_is_voted_out_still_stands_while_that_is_not_committed()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Configure(1, [3], [2]);
        c.DeliverOnce();
        // Both halves of the joint step confirm; its end reaches only replica 2, which has no vote in it.
        c.DeliverOnce();
        c.Drop(m => m.To.Value == 3);
        c.DeliverOnce(m => m.To.Value == 2);
        Assert.Equal("(3) learners (2)", c[2].Configuration.ToString());
        Assert.True(c[3].Configuration.IsJoint);
        c.Crash(1);
        c.Drop(_ => true);
        c.Stand(2);
        Assert.Contains(c.Events, e => e.Kind == RaftEventKind.BecameLeader && e.Replica == new ReplicaId(2));
        Assert.Contains(c.Events, e => e.Kind == RaftEventKind.Removed);
        c.Run(2);
        Assert.Equal(RaftRole.Leader, c[3].Role);
        Assert.Equal("(3) learners (2)", c[3].Configuration.ToString());
        Assert.Equal(RaftRole.Follower, c[2].Role);
    }

    // R6: it asks for votes for ever and gets none, nor does it disturb anybody.
    [Fact]
    public void A_removed_replica_that_goes_on_campaigning_disturbs_nobody()
    {
        ScriptCluster c = new(4);
        c.Elect(1);
        c.Isolate(4);
        c.Configure(1, [1, 2, 3]);
        c.Deliver();
        c.Heal();
        Term term = c[1].Term;
        c.Run(300);
        Assert.Equal((RaftRole.Leader, term), (c[1].Role, c[1].Term));
        Assert.NotEqual(RaftRole.Leader, c[4].Role);
        Assert.Contains(c.Events, e => e.Kind == RaftEventKind.BecamePreCandidate);
    }

    // R2: with the vote forgotten in the crash there would be two leaders in the term.
    [Fact]
    public void A_vote_that_was_not_durable_in_a_crash_was_never_heard_of()
    {
        ScriptCluster c = new(3);
        c.SlowDisk(3);
        c.Isolate(2);
        c.Tick(1, 20);
        for (int i = 0; i < 4; i++) c.DeliverOnce();
        Assert.Equal((new Term(1), new ReplicaId(1)), (c[3].Term, c[3].Vote));
        Assert.Equal(RaftRole.Candidate, c[1].Role);
        c.Crash(3);
        c.Start(3);
        Assert.Equal(default, c[3].Vote);
        Assert.Equal(RaftRole.Candidate, c[1].Role);
    }

    // R11, TiKV #9351: the new leader knows of no commit until its own first one.
    [Fact]
    public void A_read_right_after_a_transfer_waits_for_the_first_commit_of_the_term()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Propose(1, 3);
        c.Deliver();
        LogIndex acknowledged = c.Checker.Acknowledged;
        c[1].TransferLeadership(new ReplicaId(2));
        c.Pump();
        while (c[2].Role != RaftRole.Leader) c.DeliverOnce();
        Assert.True(c[2].Commit <= acknowledged);
        Assert.Equal(ReadIndexStatus.Queued, c.Read(2));
        Assert.Empty(c.Reads);
        c.Deliver();
        ReadState read = Assert.Single(c.Reads);
        Assert.True(read.Index > acknowledged);
    }

    // protocol.md §3 ✗: a round under way was begun before the read, and proves nothing for it.
    [Fact]
    public void A_read_does_not_join_a_round_already_sent()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Read(1);
        Assert.Equal(2, c.Network.Count(p => p.Message.Kind == MessageKind.Heartbeat));
        c.DeliverOnce();
        c.Read(1);
        c.DeliverOnce(m => m.Kind == MessageKind.HeartbeatResponse);
        Assert.Single(c.Reads);
        c.Deliver();
        Assert.Equal(2, c.Reads.Count);
    }

    [Fact]
    public void Reads_that_come_between_two_readies_share_a_round()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        for (int i = 0; i < 5; i++) c.Read(1, pump: false);
        c.Pump();
        Assert.Equal(2, c.Network.Count(p => p.Message.Kind == MessageKind.Heartbeat));
        c.Deliver();
        Assert.Equal(5, c.Reads.Count);
    }

    [Fact]
    public void Reads_without_an_answer_are_aborted_on_leaders_and_followers()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Isolate(1);
        c.Read(1);
        c.Read(2);
        c.Tick(1, 20);
        c.Tick(2, 10);
        Assert.Equal(2, c.Reads.Count(r => r.IsAborted));
    }

    // Platform fact 5: a process may stand still between the check and the read. What was read counts only if
    // the lease held after.
    [Fact]
    public void A_lease_read_is_confirmed_after_the_state_was_read()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        solo.Now = 1_000_000_000;
        long lease = LeaseOf();
        GiveRound(solo);
        Assert.True(solo.Core.TryBeginLeaseRead(solo.Now + 1, out LeaseRead read));
        Assert.Equal(solo.Core.Commit, read.Index);
        Assert.True(solo.Core.ConfirmLeaseRead(read, solo.Now + lease - 1));
        Assert.False(solo.Core.ConfirmLeaseRead(read, solo.Now + lease));
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now + lease, out _));
        Assert.False(solo.Core.ConfirmLeaseRead(read with { Term = new(77) }, solo.Now + 1));
    }

    [Fact]
    public void A_lease_counts_from_when_the_round_was_sent()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        solo.Now = 1_000_000_000;
        solo.Core.Tick();
        solo.Core.Tick();
        solo.TakeAll();
        long sentAt = solo.Now;
        solo.Now += LeaseOf();
        solo.Step(solo.From(2, MessageKind.HeartbeatResponse) with { Round = 1 });
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        Assert.True(solo.Core.TryBeginLeaseRead(sentAt + 1, out _));
    }

    // The same as for read indexes: what its predecessors acknowledged may lie beyond its commit index.
    [Fact]
    public void No_lease_before_a_commit_in_the_own_term()
    {
        SoloCore solo = SoloCore.Leader(3, logTerms: [1, 1]);
        GiveRound(solo);
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = solo.Core.LastIndex });
        Assert.True(solo.Core.TryBeginLeaseRead(solo.Now, out LeaseRead read));
        Assert.Equal(solo.Core.LastIndex, read.Index);
    }

    // protocol.md §3 ✗: votes in the election that it asked for are not bound by loyalty.
    [Fact]
    public void After_TimeoutNow_there_is_no_lease_for_the_rest_of_the_term()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        solo.Now = 1_000_000_000;
        GiveRound(solo);
        Assert.True(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        Assert.Equal(TransferStatus.Started, solo.Core.TransferLeadership(new ReplicaId(2)));
        Assert.Contains(solo.TakeAll(), m => m.Kind == MessageKind.TimeoutNow);
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        for (int i = 0; i < 10; i++)
        {
            solo.Step(solo.From(2, MessageKind.HeartbeatResponse));
            solo.Core.Tick();
        }

        Assert.True(solo.Core.TransferTarget.IsNone);
        GiveRound(solo);
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        Assert.True(solo.Core.TryPropose(1, 1).IsAccepted);
    }

    // protocol.md §4: a hibernated group has no lease, and an answer to a round before it fell asleep gives
    // none back.
    [Fact]
    public void A_sleeping_group_has_no_lease()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        solo.Now = 1_000_000_000;
        GiveRound(solo);
        Assert.True(solo.Core.TryHibernate([]));
        ulong round = solo.TakeAll().First(m => m.Kind == MessageKind.Hibernate).Round;
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        foreach (ulong id in new ulong[] { 2, 3 })
            solo.Step(solo.From(id, MessageKind.HibernateResponse) with { Round = round });
        Assert.Equal(SleepState.Asleep, solo.Core.Sleep);
        solo.Step(solo.From(2, MessageKind.HeartbeatResponse) with { Round = round - 1 });
        solo.Core.Wake(WakeReason.Work);
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        GiveRound(solo);
        Assert.True(solo.Core.TryBeginLeaseRead(solo.Now, out _));
    }

    // The leader woke and got a lease on this replica's answer; its earlier Hibernate must not put the
    // replica to sleep now.
    [Fact]
    public void A_late_hibernate_does_not_put_to_sleep_who_answered_a_later_round()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.Append(2, term: 1, after: 0, afterTerm: 0, 1));
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 8 });
        RaftMessage late = solo.From(2, MessageKind.Hibernate) with { Index = new(1), LogTerm = new(1), Round = 7 };
        Assert.Equal(StepResult.Ignored, solo.Step(late));
        Assert.Equal(SleepState.Awake, solo.Core.Sleep);
        Assert.Equal(StepResult.Processed, solo.Step(late with { Round = 9 }));
        Assert.Equal(SleepState.Asleep, solo.Core.Sleep);
        solo.Core.Wake(WakeReason.LeaderSilent);
        Assert.Equal(StepResult.Processed, solo.Step(solo.Vote(3, term: 2)));
    }

    // An awake group is loyal whatever its node hears about the leader's node: the leader may hold a lease on
    // that.
    [Fact]
    public void Suspicion_ends_loyalty_only_of_sleepers()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 1 });
        solo.Core.Wake(WakeReason.LeaderSilent);
        solo.Core.Wake(WakeReason.LeaderUnwell);
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(3, term: 2)));
        solo.Core.Wake(WakeReason.LeaderRestarted);
        Assert.Equal(StepResult.Processed, solo.Step(solo.Vote(3, term: 2)));
    }

    // A request for votes may come before the own node finds the leader's silent. It wakes the sleeper, who trusts its node for a
    // timeout more; when that suspects the leader, too, the sleeper's vote is free.
    [Fact]
    public void A_sleeper_that_was_woken_by_a_request_for_votes_still_follows_its_nodes_suspicion()
    {
        SoloCore solo = Asleep();
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(3, term: 2)));
        Assert.Equal((SleepState.Awake, true), (solo.Core.Sleep, solo.Core.IsWatchedByNode));
        solo.Core.Wake(WakeReason.LeaderSilent);
        Assert.Equal(StepResult.Processed, solo.Step(solo.Vote(3, term: 2)));
        Assert.Equal(new ReplicaId(3), solo.Core.Vote);
    }

    // Its leader may count a lease on what it has confirmed since.
    [Fact]
    public void A_sleeper_that_has_heard_from_its_leader_since_is_loyal_again()
    {
        SoloCore solo = Asleep();
        solo.Step(solo.Vote(3, term: 2));
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 9 });
        Assert.False(solo.Core.IsWatchedByNode);
        solo.Core.Wake(WakeReason.LeaderSilent);
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(3, term: 2)));
    }

    private static SoloCore Asleep()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 1 });
        solo.Step(solo.From(2, MessageKind.Hibernate) with { Round = 2 });
        Assert.Equal(SleepState.Asleep, solo.Core.Sleep);
        return solo;
    }

    // R16: a sleeping group is silent, and its leader's death, a proposal and a read wake it.
    [Fact]
    public void A_sleeping_group_sends_nothing_until_it_is_woken()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        Assert.True(c[1].TryHibernate([]));
        c.Deliver();
        c.Run(500);
        Assert.All(new[] { 1, 2, 3 }, id => Assert.Equal(SleepState.Asleep, c[id].Sleep));
        Assert.Empty(c.Network);

        Assert.Equal(ReadIndexStatus.Forwarded, c.Read(3));
        c.Deliver();
        Assert.False(Assert.Single(c.Reads).IsAborted);
        Assert.Equal(SleepState.Awake, c[1].Sleep);

        c.Run(4);
        Assert.True(c[1].TryHibernate([]));
        c.Deliver();
        c.Crash(1);
        c[2].Wake(WakeReason.LeaderSilent);
        c[3].Wake(WakeReason.LeaderSilent);
        c.Run(60);
        Assert.Contains(new[] { c[2], c[3] }, core => core.Role == RaftRole.Leader);
    }

    [Fact]
    public void A_group_with_a_voter_behind_does_not_sleep_unless_that_one_is_known_to_be_down()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Isolate(3);
        c.Propose(1);
        c.Deliver();
        Assert.False(c[1].TryHibernate([]));
        Assert.True(c[1].Lags(new ReplicaId(3)));
        Assert.True(c[1].TryHibernate([new ReplicaId(3)]));
        c.Deliver();
        Assert.Equal(SleepState.Asleep, c[1].Sleep);
        c.Heal();
        c[1].Wake(WakeReason.PeerReturned);
        c.Run(4);
        Assert.Equal(c[1].LastIndex, c[3].Commit);
    }

    // Cloudflare, 2020-11-02: neither pre-vote nor check-quorum alone survives a partition in which 4 and 5
    // see one peer each.
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Five_replicas_with_a_partial_partition_find_a_leader_and_keep_it(int first)
    {
        ScriptCluster c = new(5);
        c.Elect(first);
        foreach ((ulong a, ulong b) in new (ulong, ulong)[] { (4, 1), (4, 3), (4, 5), (5, 1), (5, 2), (1, 4) }) c.Cut(a, b);
        c.Run(100);
        RaftCore leader = Enumerable.Range(1, 5).Select(i => c[i]).Where(n => n.Role == RaftRole.Leader).MaxBy(n => n.Term)!;
        Term term = leader.Term;
        LogIndex commit = leader.Commit;
        c.Run(400);
        Assert.Equal((RaftRole.Leader, term), (leader.Role, leader.Term));
        Assert.True(c.Propose((int)leader.Replica.Value).First > commit);
        c.Deliver();
        Assert.Equal(leader.LastIndex, leader.Commit);
    }

    // R1: after all start at once, randomized timeouts and pre-votes settle it in a few election timeouts.
    [Fact]
    public void A_group_that_starts_at_once_elects_within_a_few_timeouts()
    {
        for (ulong seed = 1; seed <= 50; seed++)
        {
            ScriptCluster c = new(5, adjust: o => o with { Seed = (o.Seed * 7919) + seed }, isWarm: false);
            c.Run(60);
            Assert.Single(Enumerable.Range(1, 5), i => c[i].Role == RaftRole.Leader);
        }
    }

    // R19: a leader in a minority takes proposals and acknowledges none.
    [Fact]
    public void A_leader_in_a_minority_commits_nothing()
    {
        ScriptCluster c = new(5);
        c.Elect(1);
        LogIndex commit = c[1].Commit;
        foreach (ulong other in new ulong[] { 3, 4, 5 })
        {
            c.Cut(1, other);
            c.Cut(2, other);
        }

        c.Propose(1, 5);
        c.Deliver();
        Assert.Equal(commit, c[1].Commit);
        Assert.Equal(c[1].LastIndex, c[2].LastIndex);
    }

    // R8: a snapshot that is older than what is committed, or already held as a log, changes nothing.
    [Fact]
    public void A_snapshot_of_what_is_held_is_not_installed()
    {
        SoloCore solo = SoloCore.Follower(3, term: 2);
        solo.Step(solo.Append(2, term: 2, after: 0, afterTerm: 0, 1, 1, 1, 1) with { Commit = new(2) });
        solo.TakeAll();
        SnapshotMeta held = new(new(4), new(1), new(default, solo.Core.Configuration));
        Assert.False(solo.Core.NeedsSnapshot(held));
        solo.Step(solo.From(2, MessageKind.Snapshot) with { Snapshot = held });
        Ready ready = solo.Take();
        Assert.Null(ready.Snapshot);
        Assert.Equal((4UL, 4UL), (solo.Core.Commit.Value, Assert.Single(ready.MessagesAfterPersist).Index.Value));

        SnapshotMeta old = held with { Index = new(2) };
        solo.Step(solo.From(2, MessageKind.Snapshot) with { Snapshot = old });
        Assert.Equal(4UL, Assert.Single(solo.TakeAll()).Index.Value);
    }

    [Fact]
    public void A_snapshot_takes_the_place_of_a_log_that_differs_and_brings_its_configuration()
    {
        SoloCore solo = SoloCore.Follower(3, term: 5);
        solo.Step(solo.Append(2, term: 5, after: 0, afterTerm: 0, 1, 1, 1, 1));
        solo.TakeAll();
        Configuration later = new([new(1), new(2)], [new(9)]);
        SnapshotMeta meta = new(new(20), new(4), new ConfigurationEntry(new(15), later));
        Assert.True(solo.Core.NeedsSnapshot(meta));
        solo.Step(solo.From(2, MessageKind.Snapshot) with { Snapshot = meta });
        Ready ready = solo.Take();
        Assert.Equal((meta, true), (ready.Snapshot, ready.MustSync));
        Assert.Empty(ready.Messages);
        Assert.Equal(20UL, Assert.Single(ready.MessagesAfterPersist).Index.Value);
        Assert.Equal((20UL, 20UL, 20UL), (solo.Core.BaseIndex.Value, solo.Core.LastIndex.Value, solo.Core.Commit.Value));
        Assert.Equal((later, 15UL), (solo.Core.Configuration, solo.Core.ConfigurationIndex.Value));
        Assert.False(ready.HasCommitted);
    }

    [Fact]
    public void Proposals_are_refused_while_too_much_waits_for_its_commit()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        Assert.True(solo.Core.TryPropose(1, 5_000_000).IsAccepted);
        Assert.Equal(ProposeStatus.Overloaded, solo.Core.TryPropose(1, 1).Status);
        solo.TakeAll();
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = solo.Core.LastIndex });
        Assert.True(solo.Core.TryPropose(1, 900_000).IsAccepted);
        Assert.True(solo.Core.TryPropose(1, 90_000).IsAccepted);
        Assert.Equal(ProposeStatus.Overloaded, solo.Core.TryPropose(1, 90_000).Status);
    }

    [Fact]
    public void Waiting_reads_are_bounded()
    {
        SoloCore solo = SoloCore.Leader(3);
        for (ulong i = 0; i < 4; i++) Assert.Equal(ReadIndexStatus.Queued, solo.Core.TryReadIndex(i));
        Assert.Equal(ReadIndexStatus.Busy, solo.Core.TryReadIndex(9));
    }

    // The log may be cut only as far as it was handed out as committed.
    [Fact]
    public void Compaction_goes_no_further_than_what_was_handed_out()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        LogIndex commit = solo.Core.Commit;
        Assert.False(solo.Core.TruncatePrefix(commit.Next));
        Assert.True(solo.Core.TruncatePrefix(commit));
        Assert.Equal(commit, solo.Core.BaseIndex);
        Assert.True(solo.Core.TryDescribeSnapshot(commit, out SnapshotMeta? meta));
        Assert.Equal(solo.Core.Configuration, meta!.Configuration.Configuration);
        Assert.False(solo.Core.TryDescribeSnapshot(commit.Previous, out _));
    }

    // faults.md §2: a replica that lost part of its log neither votes nor leads until it holds what the
    // leader held after its start.
    [Fact]
    public void A_damaged_replica_neither_votes_nor_leads_until_it_is_whole()
    {
        SoloCore solo = new(3, new HardState(new(5), default, new(9)), [1, 1], isDamaged: true);
        solo.EndSilence();
        for (int i = 0; i < 50; i++) solo.Core.Tick();
        Assert.Equal(RaftRole.Follower, solo.Core.Role);
        Assert.False(solo.Core.Campaign());
        // It asks for votes it has no use for: that wakes a leader that sleeps and would never heal it.
        List<RaftMessage> asked = solo.TakeAll();
        Assert.NotEmpty(asked);
        Assert.All(asked, m => Assert.Equal(MessageKind.PreVote, m.Kind));
        solo.Step(solo.From(2, MessageKind.PreVoteResponse, term: 6));
        Assert.Equal(RaftRole.Follower, solo.Core.Role);
        solo.Step(solo.Vote(3, term: 6));
        Assert.True(Assert.Single(solo.TakeAll()).IsRejected);

        solo.Step(solo.From(2, MessageKind.Heartbeat, term: 6) with { Round = 1 });
        RaftMessage heal = Assert.Single(solo.TakeAll(), m => m.Kind == MessageKind.Heal);
        Assert.Equal(2UL, heal.Index.Value);
        // An answer to the process before, or to nobody, says nothing.
        Assert.Equal(
            StepResult.Ignored, solo.Step(solo.From(2, MessageKind.HealResponse) with { Index = new(1), Context = 5 }));
        solo.Step(solo.From(2, MessageKind.HealResponse) with { Index = new(4), Context = heal.Context });
        solo.Step(solo.Append(2, term: 6, after: 2, afterTerm: 1, 1));
        solo.TakeAll();
        Assert.True(solo.Core.IsDamaged);
        solo.Step(solo.Append(2, term: 6, after: 3, afterTerm: 1, 6));
        Assert.True(solo.Core.IsDamaged);
        Assert.Contains(solo.TakeReadies().SelectMany(r => r.Events).Concat(solo.TakeReadies().SelectMany(r => r.Events)),
            e => e.Kind == RaftEventKind.Healed);
        Assert.False(solo.Core.IsDamaged);
    }

    [Fact]
    public void A_leader_sends_again_what_a_damaged_replica_lost()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Propose(1, 5);
        c.Deliver();
        c.Crash(3);
        c.Node(3).Damage(new LogIndex(3));
        c.Start(3);
        Assert.True(c[3].IsDamaged);
        c.Run(8);
        Assert.False(c[3].IsDamaged);
        Assert.Equal(c[1].Commit, c.Node(3).Applied);
    }

    // Damage in the very last write looks like a write that a crash cut: nobody marks the replica. Its leader still says what
    // it confirmed, and would wait for ever behind that.
    [Fact]
    public void A_replica_that_lost_its_tail_unnoticed_learns_it_from_its_leader_and_heals_before_it_votes()
    {
        SoloCore solo = new(3, new HardState(new(5), default, default), [1, 1]);
        solo.Step(solo.From(2, MessageKind.Heartbeat, term: 6) with { Round = 1, Commit = new(4) });
        Assert.True(solo.Core.IsDamaged);
        Assert.Equal(2UL, Assert.Single(solo.TakeAll(), m => m.Kind == MessageKind.Heal).Index.Value);

        ScriptCluster c = new(3);
        c.Elect(1);
        c.Propose(1, 5);
        c.Run(8);
        c.Crash(3);
        c.Node(3).Damage(new LogIndex(3));
        c.Node(3).Disk.IsDamaged = false;
        c.Node(3).Disk.HardState = c.Node(3).Disk.HardState with { Commit = default };
        c.Start(3);
        Assert.False(c[3].IsDamaged);
        c.Run(8);
        Assert.False(c[3].IsDamaged);
        Assert.Equal(c[1].LastIndex, c[3].LastIndex);
        Assert.Equal(c[1].Commit, c[3].Commit);
    }

    // The mark outlives a crash between the last entry and its removal: then nothing is missing, and in a group without work
    // no append would come by itself that says so.
    [Fact]
    public void A_replica_marked_as_damaged_that_lost_nothing_heals_in_a_group_without_work()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Propose(1, 5);
        c.Run(8);
        c.Crash(3);
        c.Node(3).Disk.IsDamaged = true;
        c.Start(3);
        Assert.True(c[3].IsDamaged);
        c.Run(8);
        Assert.False(c[3].IsDamaged);
    }

    // A machine that is not well, for example with a stalled disk, does not lead.
    [Fact]
    public void A_replica_on_an_unwell_machine_does_not_campaign()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Core.IsEligible = false;
        for (int i = 0; i < 100; i++) solo.Core.Tick();
        Assert.Equal(StepResult.Ignored, solo.Step(solo.From(2, MessageKind.TimeoutNow)));
        Assert.Equal(RaftRole.Follower, solo.Core.Role);
        solo.Core.IsEligible = true;
        solo.Core.Resign();
        for (int i = 0; i < 20; i++) solo.Core.Tick();
        Assert.Equal(RaftRole.PreCandidate, solo.Core.Role);
    }

    [Fact]
    public void A_machine_that_becomes_unwell_while_it_asks_for_pre_votes_does_not_campaign()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        for (int i = 0; i < 60 && solo.Core.Role == RaftRole.Follower; i++) solo.Core.Tick();
        Assert.Equal(RaftRole.PreCandidate, solo.Core.Role);
        solo.Core.IsEligible = false;
        solo.Step(solo.From(2, MessageKind.PreVoteResponse, solo.Core.Term.Value + 1));
        Assert.Equal((RaftRole.Follower, new Term(1)), (solo.Core.Role, solo.Core.Term));
    }

    private static long LeaseOf() => new RaftOptions
    {
        Group = default, Replica = new(1), Seed = 1, ElectionTicksMin = 10, ElectionTicksMax = 20, HeartbeatTicks = 2,
    }.LeaseNanoseconds;

    // A round of heartbeats, sent at solo.Now and confirmed by replica 2.
    private static void GiveRound(SoloCore solo)
    {
        for (int i = 0; i < 2; i++) solo.Core.Tick();
        ulong round = solo.TakeAll().Last(m => m.Kind == MessageKind.Heartbeat).Round;
        solo.Step(solo.From(2, MessageKind.HeartbeatResponse) with { Round = round });
    }

    private static ScriptCluster WithTwoLearners()
    {
        ScriptCluster c = new(3, 2);
        c.Elect(1);
        c.Configure(1, [1, 2, 3], [4, 5]);
        c.Deliver();
        return c;
    }
}
