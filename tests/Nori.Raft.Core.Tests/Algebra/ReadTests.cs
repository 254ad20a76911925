namespace Nori.Raft.Core.Tests.Algebra;

public sealed class ReadTests
{
    [Fact]
    public void A_read_joins_the_next_round_not_yet_sent()
    {
        ReadIndexQueue queue = new(10);
        queue.TryAdd(Read(1));
        queue.Close(5, new LogIndex(7));
        queue.TryAdd(Read(2));
        List<(ulong, ulong)> done = [];
        queue.Complete(5, (read, index) => done.Add((read.Context, index.Value)));
        Assert.Equal([(1UL, 7UL)], done);
        queue.Close(6, new LogIndex(9));
        queue.Complete(6, (read, index) => done.Add((read.Context, index.Value)));
        Assert.Equal([(1UL, 7UL), (2UL, 9UL)], done);
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void A_confirmed_round_confirms_the_ones_before()
    {
        ReadIndexQueue queue = new(10);
        for (ulong i = 1; i <= 3; i++)
        {
            queue.TryAdd(Read(i));
            queue.Close(i, new LogIndex(i));
        }

        List<ulong> done = [];
        queue.Complete(2, (read, _) => done.Add(read.Context));
        Assert.Equal([1UL, 2UL], done);
        Assert.Equal(1, queue.RoundsInFlight);
    }

    [Fact]
    public void Waiting_reads_are_bounded_and_aborted_together()
    {
        ReadIndexQueue queue = new(2);
        Assert.True(queue.TryAdd(Read(1)));
        queue.Close(1, default);
        Assert.True(queue.TryAdd(Read(2)));
        Assert.False(queue.TryAdd(Read(3)));
        List<ulong> aborted = [];
        queue.Abort(read => aborted.Add(read.Context));
        Assert.Equal([1UL, 2UL], aborted);
        Assert.True(queue.TryAdd(Read(4)));
    }

    [Fact]
    public void A_lease_runs_from_when_the_round_was_sent_not_from_when_it_was_confirmed()
    {
        Lease lease = new(100);
        lease.OnSent(1, 1000);
        Assert.False(lease.Covers(1000));
        lease.OnConfirmed(1);
        Assert.True(lease.Covers(1099));
        Assert.False(lease.Covers(1100));
    }

    [Fact]
    public void A_lease_is_forgotten_with_the_rounds_before_and_forbidden_until_the_term_ends()
    {
        Lease lease = new(100);
        lease.OnSent(1, 0);
        lease.Drop();
        lease.OnConfirmed(1);
        Assert.False(lease.Covers(1));
        lease.OnSent(2, 10);
        lease.OnConfirmed(2);
        Assert.True(lease.Covers(50));
        lease.Forbid();
        lease.OnSent(3, 60);
        lease.OnConfirmed(3);
        Assert.False(lease.Covers(61));
        lease.Reset();
        lease.OnSent(1, 70);
        lease.OnConfirmed(1);
        Assert.True(lease.Covers(71));
    }

    [Fact]
    public void Options_give_a_lease_below_the_least_election_timeout()
    {
        RaftOptions options = new() { Group = default, Replica = new ReplicaId(1), Seed = 1 };
        Assert.Equal(490_000_000, options.LeaseNanoseconds);
        Assert.Empty(options.Validate());
        Assert.Equal(0, (options with { LeaseNanosecondsMax = 0 }).LeaseNanoseconds);
        Assert.Equal(3, (options with { Replica = default, HeartbeatTicks = 9, ElectionTicksMax = 12 }).Validate().Count);
    }

    private static PendingRead Read(ulong context) => new(default, context);
}
