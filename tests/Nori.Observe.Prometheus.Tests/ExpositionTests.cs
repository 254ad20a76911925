namespace Nori.Observe.Prometheus.Tests;

public sealed class ExpositionTests
{
    private readonly PrometheusMeter _meter = new(Exposition.Bare);

    [Fact]
    public void Every_kind_is_written_in_prometheus_text()
    {
        Fill();
        Assert.Equal(
            """
            # HELP norikv_kv_request_duration_seconds Time to answer.
            # TYPE norikv_kv_request_duration_seconds histogram
            norikv_kv_request_duration_seconds_bucket{operation="get",le="0.5"} 1
            norikv_kv_request_duration_seconds_bucket{operation="get",le="1"} 2
            norikv_kv_request_duration_seconds_bucket{operation="get",le="+Inf"} 3
            norikv_kv_request_duration_seconds_sum{operation="get"} 11.5
            norikv_kv_request_duration_seconds_count{operation="get"} 3
            # HELP norikv_lsm_memtable_bytes Bytes in "memtables".
            # TYPE norikv_lsm_memtable_bytes gauge
            norikv_lsm_memtable_bytes 1.5
            # HELP norikv_lsm_tables Tables.
            # TYPE norikv_lsm_tables gauge
            norikv_lsm_tables{level="0"} 4
            norikv_lsm_tables{level="1"} NaN
            # HELP norikv_wal_records_total Records.
            # TYPE norikv_wal_records_total counter
            norikv_wal_records_total 7
            # HELP norikv_wal_rolls_total Rolls.
            # TYPE norikv_wal_rolls_total counter
            norikv_wal_rolls_total 9

            """.ReplaceLineEndings("\n"),
            _meter.Text());
    }

    [Fact]
    public void Open_metrics_names_families_without_total_and_ends_with_eof()
    {
        Fill();
        string text = _meter.Text(ExpositionFormat.OpenMetrics);
        Assert.Contains("# TYPE norikv_wal_records counter\nnorikv_wal_records_total 7\n", text, StringComparison.Ordinal);
        Assert.Contains("{operation=\"get\",le=\"1.0\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("# HELP norikv_lsm_memtable_bytes Bytes in \\\"memtables\\\".\n", text, StringComparison.Ordinal);
        Assert.EndsWith("\n# EOF\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_metrics_says_the_unit_where_the_name_does()
    {
        _meter.Counter("wal_bytes_total", "b").Add(1);
        _meter.Gauge("lsm_memtable_bytes", "b").Set(1);
        _meter.Histogram("wal_fsync_duration_seconds", "s", new[] { 1.0 }).Record(1);
        _meter.Gauge("lsm_open_tables", "n").Set(1);
        string text = _meter.Text(ExpositionFormat.OpenMetrics);
        Assert.Equal(
            ["# UNIT norikv_lsm_memtable_bytes bytes", "# UNIT norikv_wal_bytes bytes", "# UNIT norikv_wal_fsync_duration_seconds seconds"],
            text.Split('\n').Where(static l => l.StartsWith("# UNIT norikv_", StringComparison.Ordinal)).Order());
        Assert.DoesNotContain("# UNIT", _meter.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void Many_values_at_once_are_the_same_as_one_by_one()
    {
        Histogram one = _meter.Histogram("one", "h", Buckets.Latency), many = _meter.Histogram("many", "h", Buckets.Latency);
        double[] values = [.. Enumerable.Range(0, 300).Select(static i => Math.Pow(1.05, i) * 1e-5), double.NaN, 1e9];
        foreach (double value in values) one.Record(value);
        many.Record(values);
        many.Record(ReadOnlySpan<double>.Empty);
        string[] lines = _meter.Text().Split('\n');
        Assert.Equal(Of("one", "_bucket"), Of("many", "_bucket"));
        Assert.Equal(Of("one", "_count"), Of("many", "_count"));
        double Sum(string name) => double.Parse(Of(name, "_sum").Single(), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(Sum("many") / Sum("one"), 0.999999, 1.000001);

        string[] Of(string name, string part) => [.. lines
            .Where(l => l.StartsWith($"norikv_{name}{part}", StringComparison.Ordinal))
            .Select(l => part == "_bucket" ? l[$"norikv_{name}".Length..] : l[(l.LastIndexOf(' ') + 1)..])];
    }

    [Fact]
    public void Bounds_are_spelled_as_prometheus_spells_them()
    {
        _meter.Histogram("h", "h", new[] { 0.00005, 0.1, 10, double.PositiveInfinity }).Record(1);
        foreach (string bound in new[] { "5e-05", "0.1", "10", "+Inf" })
            Assert.Contains($"{{le=\"{bound}\"}}", _meter.Text(), StringComparison.Ordinal);
        Assert.Contains("{le=\"10.0\"}", _meter.Text(ExpositionFormat.OpenMetrics), StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_are_escaped_and_sorted_and_equal_labels_are_one_series()
    {
        Counter a = _meter.Counter("x_total", "a\\b\nc", new Label("result", "a\"b\\c\nd"), new Label("kind", "é"));
        Counter b = _meter.Counter("x_total", "other", new Label("kind", "é"), new Label("result", "a\"b\\c\nd"));
        Assert.Same(a, b);
        a.Add(2);
        Assert.Equal(
            "# HELP norikv_x_total a\\\\b\\nc\n# TYPE norikv_x_total counter\n"
            + "norikv_x_total{kind=\"é\",result=\"a\\\"b\\\\c\\nd\"} 2\n",
            _meter.Text());
    }

    [Fact]
    public void A_reader_that_throws_costs_its_own_series_only()
    {
        _meter.ObservableGauge("a", "a", () => throw new ObjectDisposedException("engine"));
        _meter.ObservableGauge("b", "b", () => 1);
        string text = _meter.Text();
        Assert.DoesNotContain("norikv_a ", text.Replace("# HELP norikv_a a", "", StringComparison.Ordinal)
            .Replace("# TYPE norikv_a gauge", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("norikv_b 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void An_observable_registered_again_takes_the_new_reader()
    {
        _meter.ObservableCounter("a_total", "a", () => 1);
        _meter.ObservableCounter("a_total", "a", () => 2);
        Assert.EndsWith("counter\nnorikv_a_total 2\n", _meter.Text(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(-0.25, "-0.25")]
    [InlineData(1e300, "1e+300")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(123456789012, "123456789012")]
    public void Numbers_are_written_so_that_nothing_is_lost(double value, string written)
    {
        _meter.Gauge("g", "g").Set(value);
        Assert.EndsWith($"norikv_g {written}\n", _meter.Text(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, ExpositionFormat.PrometheusText)]
    [InlineData("", ExpositionFormat.PrometheusText)]
    [InlineData("*/*", ExpositionFormat.PrometheusText)]
    [InlineData("text/plain", ExpositionFormat.PrometheusText)]
    [InlineData("application/openmetrics-text", ExpositionFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text; version=1.0.0; charset=utf-8", ExpositionFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text; version=0.0.1", ExpositionFormat.PrometheusText)]
    [InlineData("application/openmetrics-text;q=0.2, text/plain;q=0.5", ExpositionFormat.PrometheusText)]
    [InlineData("application/openmetrics-text;q=0", ExpositionFormat.PrometheusText)]
    [InlineData(
        "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        ExpositionFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text;q=abc;;=,,", ExpositionFormat.PrometheusText)]
    public void The_accept_header_chooses_the_format(string? accept, ExpositionFormat format)
    {
        Assert.Equal(format, ExpositionFormats.FromAccept(accept));
    }

    [Fact]
    public void The_content_type_names_format_and_version()
    {
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", ExpositionFormat.PrometheusText.ContentType());
        Assert.Equal(
            "application/openmetrics-text; version=1.0.0; charset=utf-8", ExpositionFormat.OpenMetrics.ContentType());
    }

    private void Fill()
    {
        _meter.Counter("wal_records_total", "Records.").Add(7);
        _meter.ObservableCounter("wal_rolls_total", "Rolls.", () => 9);
        _meter.Gauge("lsm_memtable_bytes", "Bytes in \"memtables\".").Add(1.5);
        _meter.Gauge("lsm_tables", "Tables.", new Label("level", "1")).Set(double.NaN);
        _meter.ObservableGauge("lsm_tables", "Tables.", () => double.NaN, new Label("level", "2"));
        _meter.ObservableGauge("lsm_tables", "Tables.", () => 4, new Label("level", "0"));
        Histogram histogram = _meter.Histogram(
            "kv_request_duration_seconds", "Time to answer.", new[] { 0.5, 1 }, new Label("operation", "get"));
        histogram.Record(0.5);
        histogram.Record(1);
        histogram.Record(10);
        histogram.Record(double.NaN);
    }
}
