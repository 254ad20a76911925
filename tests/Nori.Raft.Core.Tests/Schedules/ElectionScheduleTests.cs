using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests.Schedules;

/// <summary>Elections and leaders under partitions, crashes and unwell machines.</summary>
public sealed class ElectionScheduleTests
{
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

    // Cloudflare, 2020-11-02: neither pre-vote nor check-quorum alone survives a partition in which 4 and 5
    // see one peer each. Where that is 2 for both, 1 and 3 have no majority without 2, and 2 believes a leader 4 or 5 that it
    // hears until that one notices, by check-quorum, that it has no majority.
    [Theory]
    [InlineData(2, 3)]
    [InlineData(3, 3)]
    [InlineData(4, 3)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    public void Five_replicas_with_a_partial_partition_find_a_leader_and_keep_it(int first, ulong seenByFive)
    {
        ScriptCluster c = new(5);
        c.Elect(first);
        foreach ((ulong a, ulong b) in new (ulong, ulong)[] { (4, 1), (4, 3), (4, 5), (5, 1), (5, 5 - seenByFive), (1, 4) }) c.Cut(a, b);
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

    // Found by norikv sim --seed 17953729002715: who may not stand named for ever the leader that had removed itself, and nobody
    // saw that nobody led.
    [Fact]
    public void A_replica_that_may_not_stand_sees_that_its_leader_is_gone()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c[2].IsEligible = c[3].IsEligible = false;
        c.Configure(1, [2, 3], [1]);
        c.Deliver();
        Assert.Equal((RaftRole.Follower, new ReplicaId(1)), (c[1].Role, c[2].Leader));
        c.Run(20);
        Assert.All([1, 2, 3], id => Assert.Equal((RaftRole.Follower, ReplicaId.None), (c[id].Role, c[id].Leader)));
        c[3].IsEligible = true;
        c.Run(20);
        Assert.Equal(RaftRole.Leader, c[3].Role);
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
}
