using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests.Schedules;

/// <summary>Leases: schedules in which a promise outlives what it rests on.</summary>
public sealed class LeaseScheduleTests
{
    // Of SoloCore.
    private const int LeastTimeoutTicks = 10;

    // Platform fact 5: a process may stand still between the check and the read. What was read counts only if
    // the lease held after.
    [Fact]
    public void A_lease_read_is_confirmed_after_the_state_was_read()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        solo.Now = 1_000_000_000;
        long lease = LeaseOf();
        solo.GiveRound();
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
        solo.GiveRound();
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = solo.Core.LastIndex });
        Assert.True(solo.Core.TryBeginLeaseRead(solo.Now, out LeaseRead read));
        Assert.Equal(solo.Core.LastIndex, read.Index);
    }

    // The dissertation's §4.2.3 is about any request within the least timeout: whoever learned of the candidate's term a moment before, by
    // an answer of a third, owes loyalty to the leader of the term before all the same. Its lease rests on it.
    [Theory]
    [InlineData(MessageKind.PreVoteResponse)]
    [InlineData(MessageKind.AppendResponse)]
    public void A_loyal_voter_gives_no_vote_in_a_term_that_it_has_just_heard_of(MessageKind kind)
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 1 });
        solo.Step(solo.From(3, kind, term: 2) with { IsRejected = true });
        Assert.Equal(2UL, solo.Core.Term.Value);
        solo.TakeAll();
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(3, term: 2)));
        Assert.Empty(solo.TakeAll());
        // It is asked for by the old leader itself: no lease rests on that.
        Assert.Equal(StepResult.Processed, solo.Step(solo.Vote(3, term: 2) with { IsTransfer = true }));
        Assert.Contains(solo.TakeAll(), static m => m.Kind == MessageKind.VoteResponse && !m.IsRejected);
    }

    [Fact]
    public void A_voter_that_heard_no_leader_for_the_least_timeout_votes_in_the_present_term()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 1 });
        solo.Step(solo.From(3, MessageKind.PreVoteResponse, term: 2) with { IsRejected = true });
        for (int i = 0; i < LeastTimeoutTicks; i++) solo.Core.Tick();
        solo.TakeAll();
        Assert.Equal(StepResult.Processed, solo.Step(solo.Vote(3, solo.Core.Term.Value)));
        Assert.Contains(solo.TakeAll(), static m => m.Kind == MessageKind.VoteResponse && !m.IsRejected);
    }

    // protocol.md §3 ✗: votes in the election that it asked for are not bound by loyalty.
    [Fact]
    public void After_TimeoutNow_there_is_no_lease_for_the_rest_of_the_term()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        solo.Now = 1_000_000_000;
        solo.GiveRound();
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
        solo.GiveRound();
        Assert.False(solo.Core.TryBeginLeaseRead(solo.Now, out _));
        Assert.True(solo.Core.TryPropose(1, 1).IsAccepted);
    }

    private static long LeaseOf() => new RaftOptions
    {
        Group = default, Replica = new(1), Seed = 1, ElectionTicksMin = 10, ElectionTicksMax = 20, HeartbeatTicks = 2,
    }.LeaseNanoseconds;
}
