namespace Nori.Observe.Tests;

public sealed class SinkAndTeeTests
{
    [Fact]
    public void A_tee_gives_each_event_to_every_sink()
    {
        RecordingEventSink a = new(), b = new(capacity: 1);
        TeeEventSink tee = new(a, NullEventSink.Instance, b);
        tee.Emit(new SegmentRolled(1, 2));
        tee.Emit(new LeaderElected(3, "n1"));
        Assert.Equal([new SegmentRolled(1, 2), new LeaderElected(3, "n1")], a.Events);
        Assert.Equal([new LeaderElected(3, "n1")], a.OfType<LeaderElected>());
        Assert.Equal((1, 1), (b.Events.Count, b.Dropped));
        b.Clear();
        Assert.Equal((0, 0), (b.Events.Count, b.Dropped));
    }

    [Fact]
    public void A_tee_meter_measures_into_every_meter()
    {
        SumMeter a = new(), b = new();
        TeeMeter tee = new(a, NullMeter.Instance, b);
        tee.Counter("c_total", "c", new Label("kind", "x")).Add(3);
        tee.Gauge("g", "g").Set(2);
        tee.Gauge("g", "g").Add(0.5);
        tee.Histogram("h", "h", Buckets.Latency).Record(0.25);
        tee.ObservableGauge("og", "og", () => 1);
        tee.ObservableCounter("oc_total", "oc", () => 1);
        string[] expected = ["c_total x 3", "g 2", "g 0.5", "h 0.25", "og", "oc_total"];
        Assert.Equal(expected, a.Calls);
        Assert.Equal(expected, b.Calls);
    }

    [Theory]
    [MemberData(nameof(BucketSets))]
    public void Buckets_rise(double[] bounds)
    {
        Assert.Equal(bounds.Order(), bounds);
        Assert.Equal(bounds.Distinct(), bounds);
    }

    public static TheoryData<double[]> BucketSets => [Buckets.Latency.ToArray(), Buckets.LongWork.ToArray()];

    private sealed class SumMeter : IMeter
    {
        public List<string> Calls { get; } = [];

        public Counter Counter(string name, string help, params ReadOnlySpan<Label> labels) =>
            new Handle(this, $"{name} {labels[0].Value}");

        public Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels) => new GaugeHandle(this, name);

        public void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels) =>
            Calls.Add(name);

        public void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels) =>
            Calls.Add(name);

        public Histogram Histogram(
            string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels) =>
            new HistogramHandle(this, name);

        private sealed class Handle(SumMeter meter, string name) : Counter
        {
            public override void Add(long delta = 1) => meter.Calls.Add($"{name} {delta}");
        }

        private sealed class GaugeHandle(SumMeter meter, string name) : Gauge
        {
            public override void Set(double value) => meter.Calls.Add($"{name} {value}");

            public override void Add(double delta) => meter.Calls.Add($"{name} {delta}");
        }

        private sealed class HistogramHandle(SumMeter meter, string name) : Histogram
        {
            public override void Record(double value) => meter.Calls.Add($"{name} {value}");
        }
    }
}
