using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Tracing;

/// <summary>What a worker notes by batch and looks up by entry.</summary>
public sealed class ReplicationTrailTests
{
    private static readonly ShardId Shard = new(7);
    private static readonly NodeNumber Near = new(2);
    private static readonly NodeNumber Far = new(3);

    [Fact]
    public void The_first_batch_that_covers_an_entry_is_its()
    {
        var trail = new ReplicationTrail(new ManualTime());
        trail.NoteSent(Near, Shard, 10, at: 100);
        trail.NoteSent(Far, Shard, 12, at: 101);
        trail.NoteSent(Near, Shard, 12, at: 102);
        trail.NoteSent(Near, new ShardId(8), 50, at: 103);
        trail.NoteLog(Shard, 9, 10, new LogTimes(90, 91, 92, 93, 110));
        trail.NoteLog(Shard, 11, 12, new LogTimes(94, 95, 96, 97, 120));
        trail.NoteAcked(Near, Shard, 10, at: 130);
        trail.NoteAcked(Near, Shard, 12, at: 140);

        WriteTimes eleventh = trail.Find(Shard, 11, appendedAt: 50);
        Assert.Equal(97, eleventh.Log.SyncedAt);
        Assert.Equal(
            [new PeerTimes(Near, 102, 140), new PeerTimes(Far, 101, 0)], eleventh.Peers);
        WriteTimes tenth = trail.Find(Shard, 10, appendedAt: 50);
        Assert.Equal((93, 130), (tenth.Log.SyncedAt, tenth.Peers[0].AckedAt));
    }

    [Fact]
    public void What_lies_before_the_entry_or_is_of_another_shard_is_not_its()
    {
        var trail = new ReplicationTrail(new ManualTime());
        // An earlier term had more: its records say nothing of an entry that came later.
        trail.NoteSent(Near, Shard, 99, at: 10);
        trail.NoteAcked(Near, Shard, 99, at: 11);
        trail.NoteLog(Shard, 1, 99, new LogTimes(5, 6, 7, 8, 12));
        WriteTimes times = trail.Find(Shard, 50, appendedAt: 20);
        Assert.Equal(default, times.Log);
        Assert.Empty(times.Peers);
        trail.NoteSent(Near, new ShardId(8), 99, at: 30);
        Assert.Empty(trail.Find(Shard, 50, appendedAt: 20).Peers);
    }

    [Fact]
    public void What_was_overwritten_is_not_found_and_nothing_grows()
    {
        var trail = new ReplicationTrail(new ManualTime());
        trail.NoteSent(Near, Shard, 1, at: 100);
        trail.NoteLog(Shard, 1, 1, new LogTimes(1, 2, 3, 4, 100));
        for (int i = 0; i < 5000; i++)
        {
            trail.NoteSent(Near, new ShardId(8), (ulong)i, at: 200 + i);
            trail.NoteLog(new ShardId(8), (ulong)i, (ulong)i, new LogTimes(1, 2, 3, 4, 200 + i));
        }

        WriteTimes times = trail.Find(Shard, 1, appendedAt: 50);
        Assert.Equal(default, times.Log);
        Assert.Empty(times.Peers);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 5000; i++)
            {
                trail.NoteSent(Near, Shard, (ulong)i, 6000 + i);
                trail.NoteAcked(Near, Shard, (ulong)i, 6000 + i);
                trail.NoteLog(Shard, (ulong)i, (ulong)i, new LogTimes(1, 2, 3, 4, 6000 + i));
            }
        }));
    }

    [Fact]
    public void So_many_slow_writes_a_second_are_looked_up()
    {
        var time = new ManualTime();
        var trail = new ReplicationTrail(time);
        int looked = Enumerable.Range(0, 1000).Count(_ => trail.HasRoom(time.GetTimestamp()));
        Assert.Equal(64, looked);
        time.AdvanceMs(1000);
        Assert.True(trail.HasRoom(time.GetTimestamp()));
    }
}
