using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests.Schedules;

/// <summary>Replicas that lost a part of their log (docs/faults.md §2).</summary>
public sealed class DamageScheduleTests
{
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

    // A crash would take it back, and nobody would know any more.
    [Fact]
    public void What_a_damaged_replica_holds_again_counts_when_it_is_durable()
    {
        SoloCore solo = new(3, new HardState(new(6), default, new(9)), [1, 1], isDamaged: true);
        solo.Step(solo.From(2, MessageKind.Heartbeat, term: 6) with { Round = 1 });
        RaftMessage heal = Assert.Single(solo.TakeAll(), m => m.Kind == MessageKind.Heal);
        solo.Step(solo.Append(2, term: 6, after: 2, afterTerm: 1, 1, 6));
        solo.Step(solo.From(2, MessageKind.HealResponse) with { Index = new(4), Context = heal.Context });
        Assert.True(solo.Core.IsDamaged);
        solo.TakeReadies();
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
}
