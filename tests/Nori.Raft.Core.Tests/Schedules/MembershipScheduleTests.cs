using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests.Schedules;

/// <summary>Schedules of membership changes that have broken real systems, and the rules of protocol.md §3 against them.</summary>
public sealed class MembershipScheduleTests
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

    private static ScriptCluster WithTwoLearners()
    {
        ScriptCluster c = new(3, 2);
        c.Elect(1);
        c.Configure(1, [1, 2, 3], [4, 5]);
        c.Deliver();
        return c;
    }
}
