namespace Nori.Observe.Tests;

public sealed class EventRingTests
{
    private readonly EventRecord _record = new();

    [Fact]
    public void A_watcher_gets_each_event_once_in_order_with_its_fields()
    {
        EventRing ring = new(8);
        EventSubscription watcher = ring.Subscribe();
        Assert.False(watcher.TryRead(_record));
        ring.Emit(new SegmentRolled(3, 100));
        ring.Emit(new LeaderElected(7, "n2"));

        Assert.True(watcher.TryRead(_record));
        Assert.Equal((1, "Wal", "SegmentRoll"), (_record.Sequence, _record.Family, _record.Kind));
        Assert.Equal([("seg", 3), ("bytes", 100)], _record.Fields.ToArray().Select(f => (f.Name, f.Integer)));
        Assert.True(watcher.TryRead(_record));
        Assert.Equal((2, "Raft", "n2"), (_record.Sequence, _record.Family, _record.Fields[1].Text));
        Assert.False(watcher.TryRead(_record));
        Assert.Equal(0, watcher.Dropped);
    }

    [Fact]
    public void A_slow_watcher_loses_the_oldest_and_is_told_how_many()
    {
        EventRing ring = new(4);
        EventSubscription slow = ring.Subscribe(), fast = ring.Subscribe();
        for (ulong i = 1; i <= 10; i++)
        {
            ring.Emit(new SegmentRolled(i, 0));
            Assert.True(fast.TryRead(_record));
        }

        Assert.True(slow.TryRead(_record));
        Assert.Equal((7, 6), (_record.Sequence, slow.Dropped));
        int rest = 0;
        while (slow.TryRead(_record)) rest++;
        Assert.Equal((3, 6, 0), (rest, slow.Dropped, fast.Dropped));
        Assert.Equal(10, ring.Emitted);
    }

    [Fact]
    public void A_watcher_can_start_at_now_or_at_what_is_remembered_or_after_a_number()
    {
        EventRing ring = new(4);
        for (ulong i = 1; i <= 6; i++) ring.Emit(new SegmentRolled(i, 0));
        Assert.False(ring.Subscribe().TryRead(_record));
        Assert.True(ring.Subscribe(0).TryRead(_record));
        Assert.Equal(3, _record.Sequence);
        Assert.True(ring.Subscribe(4).TryRead(_record));
        Assert.Equal(5, _record.Sequence);
        Assert.False(ring.Subscribe(1000).TryRead(_record));
    }

    [Fact]
    public async Task Waiting_ends_with_the_next_event_and_with_cancellation()
    {
        EventRing ring = new(4);
        EventSubscription watcher = ring.Subscribe();
        Task waiting = watcher.WaitAsync(TestContext.Current.CancellationToken);
        Task alsoWaiting = ring.Subscribe().WaitAsync(TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        ring.Emit(new SegmentRolled(1, 0));
        await waiting;
        await alsoWaiting;
        Assert.True(watcher.WaitAsync(TestContext.Current.CancellationToken).IsCompletedSuccessfully);
        Assert.True(watcher.TryRead(_record));

        using CancellationTokenSource cancel = new();
        Task cancelled = watcher.WaitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
    }

    [Fact]
    public async Task Events_of_many_threads_are_whole_and_numbered_without_gaps()
    {
        EventRing ring = new(100_000);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 5000; i++) ring.Emit(new SegmentRolled((ulong)thread, thread));
        })));
        EventSubscription watcher = ring.Subscribe(0);
        for (long sequence = 1; sequence <= 20_000; sequence++)
        {
            Assert.True(watcher.TryRead(_record));
            Assert.Equal(sequence, _record.Sequence);
            Assert.Equal(_record.Fields[0].Integer, _record.Fields[1].Integer);
        }
    }

    [Fact]
    public void Fields_past_the_bound_are_left_out()
    {
        EventRing ring = new(2);
        EventSubscription watcher = ring.Subscribe();
        ring.Emit(new WideEvent(100, 1.5));
        Assert.True(watcher.TryRead(_record));
        Assert.Equal(EventRecord.FieldsMax, _record.Fields.Length);
        Assert.Equal((EventFieldKind.Number, 1.5), (_record.Fields[^1].Kind, _record.Fields[^1].Number));
    }
}
