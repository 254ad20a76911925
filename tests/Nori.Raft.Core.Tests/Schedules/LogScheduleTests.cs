using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests.Schedules;

/// <summary>Snapshots, compaction and the bound of what is proposed.</summary>
public sealed class LogScheduleTests
{
    // A peer whose disk stands still answers heartbeats and confirms nothing: what it has in memory already is not sent with each.
    [Fact]
    public void A_probe_that_is_repeated_carries_no_entries()
    {
        SoloCore solo = SoloCore.Leader(3);
        for (int beat = 0; beat < 3; beat++)
        {
            for (int i = 0; i < 2; i++) solo.Core.Tick();
            ulong round = solo.TakeAll().Last(static m => m.Kind == MessageKind.Heartbeat).Round;
            solo.Step(solo.From(2, MessageKind.HeartbeatResponse) with { Round = round });
            RaftMessage repeated = Assert.Single(solo.TakeAll(), static m => m.Kind == MessageKind.Append);
            Assert.True(repeated.Entries.IsEmpty);
            Assert.Equal(0UL, repeated.Index.Value);
        }

        // What it confirms is the place of agreement, and what comes behind it is sent.
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = default });
        Assert.False(Assert.Single(solo.TakeAll(), static m => m.Kind == MessageKind.Append).Entries.IsEmpty);
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
}
