namespace Nori.Observe.Prometheus.Tests;

/// <summary>The budget of the hot path: zero bytes.</summary>
public sealed class AllocationTests
{
    [Fact]
    public void Counting_and_recording_allocate_nothing()
    {
        PrometheusMeter meter = new(Exposition.Bare);
        Counter counter = meter.Counter("c_total", "c");
        Gauge gauge = meter.Gauge("g", "g");
        Histogram histogram = meter.Histogram("h", "h", Buckets.Latency);
        void Once(int i)
        {
            counter.Add(i);
            gauge.Set(i);
            gauge.Add(1);
            histogram.Record(i * 1e-6);
        }

        for (int i = 0; i < 1000; i++) Once(i);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 100_000; i++) Once(i);
        }));
    }
}
