using Nori.Observe.Otlp.Tests.Reading;

namespace Nori.Observe.Otlp.Tests;

/// <summary>What is sent, read back by the protobuf runtime.</summary>
public sealed class ExportTests
{
    public static TheoryData<OtlpProtocol> Protocols => [OtlpProtocol.Grpc, OtlpProtocol.HttpProtobuf];

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Spans_arrive_with_their_stages_as_children(OtlpProtocol protocol)
    {
        await using Collector collector = await StartAsync(protocol);
        using var subject = new Subject(collector.Endpoint, protocol);
        TraceContext caller = new(0x4bf92f3577b34da6, 0xa3ce929d0e0e4736, 0x00f067aa0ba902b7, true);
        Span span = subject.Tracer.Begin("norikv.v1.Kv/Put", SpanKind.Server, caller)!;
        long from = subject.Clock.GetTimestamp();
        subject.Clock.Advance(TimeSpan.FromMilliseconds(2));
        span.AddStage("fsync", from, subject.Clock.GetTimestamp());
        span.SetAttribute("shard", "17");
        span.Fail("QUORUM_UNAVAILABLE");
        span.End();
        await subject.Exporter.FlushAsync();

        Assert.True(collector.Traces.TryDequeue(out byte[]? bytes), subject.Exporter.Problem);
        ResourceSpans resource = Assert.Single(ExportTraceServiceRequest.Parser.ParseFrom(bytes).ResourceSpans);
        Assert.Equal(["service.name=norikv", "service.instance.id=n1"], Words(resource.Resource.Attributes));
        SpanRead[] spans = [.. Assert.Single(resource.ScopeSpans).Spans];
        Assert.Equal(2, spans.Length);
        Assert.Equal("4bf92f3577b34da6a3ce929d0e0e4736", Convert.ToHexStringLower(spans[0].TraceId.Span));
        Assert.Equal("00f067aa0ba902b7", Convert.ToHexStringLower(spans[0].ParentSpanId.Span));
        Assert.Equal(span.Context.SpanId, Convert.ToHexStringLower(spans[0].SpanId.Span));
        Assert.Equal(("norikv.v1.Kv/Put", 2, 2), (spans[0].Name, spans[0].Kind, spans[0].Status.Code));
        Assert.Equal("QUORUM_UNAVAILABLE", spans[0].Status.Message);
        Assert.Equal(["shard=17"], Words(spans[0].Attributes));
        ulong start = (ulong)Clock.Start.ToUnixTimeSeconds() * 1_000_000_000;
        Assert.Equal((start, start + 2_000_000), (spans[0].StartTimeUnixNano, spans[0].EndTimeUnixNano));
        Assert.Equal(("fsync", 1, spans[0].SpanId), (spans[1].Name, spans[1].Kind, spans[1].ParentSpanId));
        Assert.Equal((start, start + 2_000_000), (spans[1].StartTimeUnixNano, spans[1].EndTimeUnixNano));
        Assert.Null(spans[1].Status);
        Assert.All(collector.Headers, static h => Assert.Equal("secret", h));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Metrics_arrive_with_units_labels_and_exemplars(OtlpProtocol protocol)
    {
        await using Collector collector = await StartAsync(protocol);
        using var subject = new Subject(collector.Endpoint, protocol);
        subject.Meter.Counter("kv_requests_total", "Requests.", new Label("status", "ok")).Add(7);
        subject.Meter.Gauge("lsm_memtable_bytes", "Bytes.").Set(1.5);
        Histogram histogram = subject.Meter.Histogram("kv_request_duration_seconds", "Time.", new[] { 0.5, 1 });
        histogram.Record(0.25, subject.End("x").Context);
        histogram.Record(7);
        subject.Clock.Advance(TimeSpan.FromSeconds(15));
        await subject.Exporter.RunOnceAsync();

        Assert.True(collector.Metrics.TryDequeue(out byte[]? bytes), subject.Exporter.Problem);
        Metric[] metrics =
            [.. ExportMetricsServiceRequest.Parser.ParseFrom(bytes).ResourceMetrics.Single().ScopeMetrics.Single().Metrics];
        Metric requests = metrics.Single(static m => m.Name == "norikv_kv_requests");
        Assert.Equal((true, 2), (requests.Sum.IsMonotonic, requests.Sum.AggregationTemporality));
        NumberDataPoint point = Assert.Single(requests.Sum.DataPoints);
        Assert.Equal(7, point.AsInt);
        Assert.Equal(["status=ok"], Words(point.Attributes));
        Assert.Equal(15_000_000_000UL, point.TimeUnixNano - point.StartTimeUnixNano);

        Metric memtable = metrics.Single(static m => m.Name == "norikv_lsm_memtable_bytes");
        Assert.Equal(("By", "Bytes.", 1.5), (memtable.Unit, memtable.Description, memtable.Gauge.DataPoints[0].AsDouble));

        Metric duration = metrics.Single(static m => m.Name == "norikv_kv_request_duration_seconds");
        Assert.Equal(("s", 2), (duration.Unit, duration.Histogram.AggregationTemporality));
        HistogramDataPoint read = Assert.Single(duration.Histogram.DataPoints);
        Assert.Equal((2UL, 7.25), (read.Count, read.Sum));
        Assert.Equal([1UL, 0, 1], read.BucketCounts);
        Assert.Equal([0.5, 1], read.ExplicitBounds);
        ExemplarRead exemplar = Assert.Single(read.Exemplars);
        Assert.Equal(0.25, exemplar.AsDouble);
        Assert.Equal(16, exemplar.TraceId.Length);
        Assert.Equal(8, exemplar.SpanId.Length);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task What_may_pass_is_tried_again_and_nothing_is_lost(OtlpProtocol protocol)
    {
        await using Collector collector = await StartAsync(protocol);
        collector.FailNext = 2;
        using var subject = new Subject(collector.Endpoint, protocol);
        subject.End("a");
        foreach (int seconds in new[] { 2, 1, 2 })
        {
            Assert.Empty(collector.Traces);
            subject.Clock.Advance(TimeSpan.FromSeconds(seconds));
            await subject.Exporter.RunOnceAsync();
        }

        Assert.Single(collector.Traces);
        Assert.Equal((1, 0), (subject.Spans("exported"), subject.Spans("failed")));
        Assert.Null(subject.Exporter.Problem);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task What_does_not_pass_is_dropped_at_once_and_counted(OtlpProtocol protocol)
    {
        await using Collector collector = await StartAsync(protocol);
        collector.FailsForGood = true;
        using var subject = new Subject(collector.Endpoint, protocol);
        subject.End("a");
        subject.Clock.Advance(TimeSpan.FromSeconds(2));
        await subject.Exporter.RunOnceAsync();
        Assert.Equal(1, subject.Spans("failed"));
        Assert.NotNull(subject.Exporter.Problem);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task What_the_collector_refuses_in_part_is_counted(OtlpProtocol protocol)
    {
        await using Collector collector = await StartAsync(protocol);
        collector.Rejects = 2;
        using var subject = new Subject(collector.Endpoint, protocol);
        for (int i = 0; i < 5; i++) subject.End("a");
        await subject.Exporter.FlushAsync();
        Assert.Equal((3, 2), (subject.Spans("exported"), subject.Spans("rejected")));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Nobody_there_is_a_problem_told_and_no_exception(OtlpProtocol protocol)
    {
        using var subject = new Subject(new Uri("http://127.0.0.1:1"), protocol);
        subject.End("a");
        await subject.Exporter.FlushAsync();
        Assert.NotNull(subject.Exporter.Problem);
    }

    private static Task<Collector> StartAsync(OtlpProtocol protocol) => protocol == OtlpProtocol.Grpc
        ? Collector.OverGrpcAsync()
        : Task.FromResult(Collector.OverHttp());

    private static IEnumerable<string> Words(IEnumerable<KeyValue> pairs) => pairs.Select(static p => $"{p.Key}={p.Value.StringValue}");
}
