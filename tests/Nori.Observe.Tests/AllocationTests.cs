namespace Nori.Observe.Tests;

/// <summary>The budget of the hot path: zero bytes.</summary>
public sealed class AllocationTests
{
    private const int Operations = 100_000;

    [Fact]
    public void Emitting_into_the_null_sink_allocates_nothing() => AssertNoAllocation(Emit(NullEventSink.Instance));

    [Fact]
    public void Emitting_into_a_ring_allocates_nothing() => AssertNoAllocation(Emit(new EventRing(64)));

    [Fact]
    public void Emitting_through_a_tee_into_watched_rings_allocates_nothing()
    {
        EventRing ring = new(64);
        EventSubscription watcher = ring.Subscribe();
        EventRecord record = new();
        Action emit = Emit(new TeeEventSink(ring, NullEventSink.Instance));
        AssertNoAllocation(() =>
        {
            emit();
            while (watcher.TryRead(record))
            {
            }
        });
    }

    [Fact]
    public void The_null_and_tee_meters_measure_without_allocating()
    {
        TeeMeter meter = new(NullMeter.Instance, NullMeter.Instance);
        Counter counter = meter.Counter("c_total", "c");
        Gauge gauge = meter.Gauge("g", "g");
        Histogram histogram = meter.Histogram("h", "h", Buckets.Latency);
        AssertNoAllocation(() =>
        {
            counter.Add();
            gauge.Set(1);
            histogram.Record(0.001);
        });
    }

    private static Action Emit(IEventSink sink) => () =>
    {
        sink.Emit(new SegmentRolled(1, 2));
        sink.Emit(new LeaderElected(1, "n1"));
    };

    private static void AssertNoAllocation(Action action)
    {
        for (int i = 0; i < 1000; i++) action();
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < Operations; i++) action();
        }));
    }
}
