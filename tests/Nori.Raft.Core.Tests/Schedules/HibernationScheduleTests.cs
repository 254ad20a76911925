using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests.Schedules;

/// <summary>Groups that sleep, and what wakes them (protocol.md §4).</summary>
public sealed class HibernationScheduleTests
{
    // protocol.md §4: a hibernated group has no lease, and an answer to a round before it fell asleep gives
    // none back.
    [Fact]
    public void A_sleeping_group_has_no_lease()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        solo.Now = 1_000_000_000;
        solo.GiveRound();
        Assert.True(solo.Core.TryHibernate([]));
        ulong round = solo.TakeAll().First(m => m.Kind == MessageKind.Hibernate).Round;
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        foreach (ulong id in new ulong[] { 2, 3 })
            solo.Step(solo.From(id, MessageKind.HibernateResponse) with { Round = round });
        Assert.Equal(SleepState.Asleep, solo.Core.Sleep);
        solo.Step(solo.From(2, MessageKind.HeartbeatResponse) with { Round = round - 1 });
        solo.Core.Wake(WakeReason.Work);
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        solo.GiveRound();
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

    private static SoloCore Asleep()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 1 });
        solo.Step(solo.From(2, MessageKind.Hibernate) with { Round = 2 });
        Assert.Equal(SleepState.Asleep, solo.Core.Sleep);
        return solo;
    }
}
