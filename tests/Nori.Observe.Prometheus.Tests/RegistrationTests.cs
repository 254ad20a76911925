namespace Nori.Observe.Prometheus.Tests;

/// <summary>Mistakes are refused where a handle is made, at start, and not seen later in a dashboard.</summary>
public sealed class RegistrationTests
{
    private readonly PrometheusMeter _meter = new(Exposition.Bare with { SeriesPerMetricMax = 3 });

    [Fact]
    public void One_name_and_the_same_labels_give_the_same_handle()
    {
        Label label = new("kind", "a");
        Assert.Same(_meter.Counter("c_total", "c", label), _meter.Counter("c_total", "c", label));
        Assert.Same(_meter.Gauge("g", "g"), _meter.Gauge("g", "g"));
        Assert.Same(_meter.Histogram("h", "h", Buckets.Latency), _meter.Histogram("h", "h", Buckets.Latency));
        Assert.NotSame(_meter.Gauge("g", "g"), _meter.Gauge("g", "g", label));
    }

    [Fact]
    public void Names_labels_and_kinds_are_checked()
    {
        _meter.Counter("c_total", "c");
        _meter.Histogram("h", "h", Buckets.Latency);
        Refuses(() => _meter.Gauge("c_total", "c"), "is a Counter already");
        Refuses(() => _meter.Counter("c", "c"), "_total");
        Refuses(() => _meter.Gauge("g_total", "g"), "_total");
        Refuses(() => _meter.Gauge("a-b", "g"), "'norikv_a-b'");
        Refuses(() => _meter.Gauge("g", " "), "help");
        Refuses(() => _meter.Gauge("g", "g", new Label("client", "x")), "'client'");
        Refuses(() => _meter.Gauge("g", "g", new Label("kind", "x"), new Label("kind", "y")), "twice");
        Refuses(() => _meter.Histogram("h", "h", Buckets.LongWork), "other buckets");
        Refuses(() => _meter.Histogram("i", "i", new double[] { 2, 1 }), "rise");
        Refuses(() => _meter.Histogram("i", "i", Array.Empty<double>()), "no buckets");
        Refuses(() => _meter.ObservableCounter("c_total", "c", () => 1), "handle");
        _meter.ObservableGauge("o", "o", () => 1);
        Refuses(() => _meter.Gauge("o", "o"), "observable");
    }

    [Fact]
    public void The_series_of_one_metric_are_bounded()
    {
        for (int i = 0; i < 3; i++) _meter.Gauge("g", "g", new Label("name", $"{i}"));
        Refuses(() => _meter.Gauge("g", "g", new Label("name", "3")), "SeriesPerMetricMax");
        Refuses(() => _meter.ObservableGauge("g", "g", () => 1, new Label("name", "3")), "SeriesPerMetricMax");
        _meter.Gauge("g", "g", new Label("name", "2")).Set(1);
    }

    [Fact]
    public void Reserved_labels_are_refused_even_where_any_label_is_allowed()
    {
        PrometheusMeter any = new(Exposition.Bare with { AllowedLabels = null });
        any.Gauge("g", "g", new Label("anything", "x"));
        Refuses(() => any.Gauge("g", "g", new Label("le", "x")), "'le'");
        Refuses(() => any.Gauge("g", "g", new Label("__name__", "x")), "'__name__'");
    }

    [Fact]
    public void Wrong_options_are_told_all_at_once()
    {
        PrometheusOptions wrong = new() { Prefix = "9", SeriesPerMetricMax = 0, AllowedLabels = ["le"] };
        Assert.Equal(3, wrong.Validate().Count);
        Assert.Throws<ArgumentException>(() => new PrometheusMeter(wrong));
        Assert.Empty(new PrometheusOptions().Validate());
    }

    [Fact]
    public void A_counter_only_rises()
    {
        Counter counter = _meter.Counter("c_total", "c");
        Assert.Throws<ArgumentOutOfRangeException>(() => counter.Add(-1));
        counter.Add(0);
    }

    private static void Refuses(Action action, string why) =>
        Assert.Contains(why, Assert.ThrowsAny<ArgumentException>(action).Message, StringComparison.Ordinal);
}
