using Nori.Core;

namespace Nori.Raft.Core.Tests.Algebra;

public sealed class ProgressTests
{
    [Fact]
    public void A_probe_is_one_message_at_a_time()
    {
        Progress peer = NewPeer(next: 6);
        Assert.False(peer.IsPaused);
        peer.Sent(Range(6, 8));
        Assert.True(peer.IsPaused);
        Assert.Equal(new LogIndex(6), peer.Next);
        Assert.True(peer.OnAccepted(new LogIndex(8)));
        peer.BecomeReplicate();
        Assert.Equal(new LogIndex(9), peer.Next);
        Assert.False(peer.IsPaused);
    }

    [Fact]
    public void A_pipeline_runs_ahead_until_the_window_is_full()
    {
        Progress peer = NewPeer(next: 1, messages: 3);
        peer.BecomeReplicate();
        for (ulong i = 1; i <= 3; i++) peer.Sent(Range(i, i));
        Assert.True(peer.IsPaused);
        Assert.Equal(new LogIndex(4), peer.Next);
        peer.OnAccepted(new LogIndex(2));
        Assert.False(peer.IsPaused);
        Assert.Equal(1, peer.Inflight.Count);
    }

    [Fact]
    public void A_rejection_in_the_pipeline_goes_back_to_what_is_known()
    {
        Progress peer = NewPeer(next: 1);
        peer.BecomeReplicate();
        peer.Sent(Range(1, 5));
        peer.OnAccepted(new LogIndex(5));
        peer.Sent(Range(6, 9));
        Assert.True(peer.OnRejected(new LogIndex(9), new LogIndex(5)));
        Assert.Equal((ProgressState.Probe, new LogIndex(6)), (peer.State, peer.Next));
    }

    [Fact]
    public void A_late_rejection_changes_nothing()
    {
        Progress peer = NewPeer(next: 10);
        Assert.False(peer.OnRejected(new LogIndex(4), new LogIndex(2)));
        Assert.Equal(new LogIndex(10), peer.Next);
        Assert.True(peer.OnRejected(new LogIndex(9), new LogIndex(2)));
        Assert.Equal(new LogIndex(3), peer.Next);
        peer.OnAccepted(new LogIndex(2));
        peer.BecomeReplicate();
        Assert.False(peer.OnRejected(new LogIndex(2), new LogIndex(0)));
        Assert.Equal(ProgressState.Replicate, peer.State);
    }

    [Fact]
    public void After_a_snapshot_the_entries_behind_it_are_tried()
    {
        Progress peer = NewPeer(next: 3);
        peer.BecomeSnapshot(new LogIndex(50));
        Assert.True(peer.IsPaused);
        peer.BecomeProbe();
        Assert.Equal(new LogIndex(51), peer.Next);
    }

    [Fact]
    public void A_window_is_bounded_in_messages_and_bytes_and_lets_one_large_message_through()
    {
        InflightWindow window = new(messagesMax: 3, bytesMax: 100);
        window.Add(new LogIndex(1), 1000);
        Assert.True(window.IsFull);
        window.FreeThrough(new LogIndex(1));
        Assert.Equal((0, 0L), (window.Count, window.Bytes));
        for (ulong i = 2; i <= 4; i++) window.Add(new LogIndex(i), 10);
        Assert.True(window.IsFull);
        window.FreeThrough(new LogIndex(3));
        Assert.Equal((1, 10L), (window.Count, window.Bytes));
        Assert.Throws<InvariantException>(() => window.Add(new LogIndex(4), 1));
        window.Clear();
        Assert.False(window.IsFull);
    }

    [Fact]
    public void A_window_frees_in_order_over_many_turns_of_its_ring()
    {
        Prng random = new(5);
        InflightWindow window = new(20, 10_000);
        Queue<(ulong Last, long Bytes)> model = [];
        ulong last = 0;
        for (int step = 0; step < 5000; step++)
        {
            if (!window.IsFull && random.Chance(0.6))
            {
                (ulong Last, long Bytes) message = (last += (ulong)random.NextInt(1, 4), random.NextInt(2000));
                window.Add(new LogIndex(message.Last), message.Bytes);
                model.Enqueue(message);
            }
            else
            {
                ulong through = last - Math.Min(last, (ulong)random.NextInt(20));
                window.FreeThrough(new LogIndex(through));
                while (model.Count > 0 && model.Peek().Last <= through) model.Dequeue();
            }

            Assert.Equal((model.Count, model.Sum(m => m.Bytes)), (window.Count, window.Bytes));
        }
    }

    private static Progress NewPeer(ulong next, int messages = 10) =>
        new(new ReplicaId(2), new LogIndex(next), new InflightWindow(messages, 1000));

    private static EntryRange Range(ulong first, ulong last) =>
        new(new LogIndex(first), new LogIndex(last), [new TermSpan(new Term(1), new LogIndex(first))], [], 10);
}
