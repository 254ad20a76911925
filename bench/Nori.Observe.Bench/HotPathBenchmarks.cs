using BenchmarkDotNet.Attributes;
using Nori.Observe.Prometheus;

namespace Nori.Observe.Bench;

/// <summary>What is called on hot paths, one operation a method.</summary>
[MemoryDiagnoser]
public class HotPathBenchmarks
{
    private readonly Counter _counter;
    private readonly Gauge _gauge;
    private readonly Histogram _histogram;
    private readonly EventRing _ring = new();
    private double _value;

    public HotPathBenchmarks()
    {
        PrometheusMeter meter = new();
        _counter = meter.Counter("c_total", "c");
        _gauge = meter.Gauge("g", "g");
        _histogram = meter.Histogram("h", "h", Buckets.Latency);
    }

    [Benchmark]
    public void CounterAdd() => _counter.Add();

    [Benchmark]
    public void GaugeSet() => _gauge.Set(1);

    [Benchmark]
    public void HistogramRecord()
    {
        // Walks through the buckets, so that the search is not always predicted.
        _value = _value > 1 ? 0.00001 : _value * 1.37 + 0.00001;
        _histogram.Record(_value);
    }

    [Benchmark]
    public void NullCounterAdd() => NullMeter.Instance.Counter("c_total", "c").Add();

    [Benchmark]
    public void NullSinkEmit() => NullEventSink.Instance.Emit(new SegmentRolled(1, 2));

    [Benchmark]
    public void RingEmit() => _ring.Emit(new SegmentRolled(1, 2));

    private readonly record struct SegmentRolled(ulong Segment, long Bytes) : IEvent
    {
        public string Family => "Wal";

        public string Kind => "SegmentRoll";

        public void WriteFields(IEventFields fields)
        {
            fields.Add("seg", (long)Segment);
            fields.Add("bytes", Bytes);
        }
    }
}
