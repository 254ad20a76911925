using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests.Schedules;

/// <summary>Read indexes and what a follower hears of commits: schedules that gave others stale reads.</summary>
public sealed class ReadScheduleTests
{
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

    [Fact]
    public void Waiting_reads_are_bounded()
    {
        SoloCore solo = SoloCore.Leader(3);
        for (ulong i = 0; i < 4; i++) Assert.Equal(ReadIndexStatus.Queued, solo.Core.TryReadIndex(i));
        Assert.Equal(ReadIndexStatus.Busy, solo.Core.TryReadIndex(9));
    }
}
