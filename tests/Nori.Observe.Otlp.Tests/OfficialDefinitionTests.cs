using System.Text.Json;
using NoriKV.Interop;

namespace Nori.Observe.Otlp.Tests;

/// <summary>What is sent, read by the official definitions: nothing of it is unknown to them.</summary>
public sealed class OfficialDefinitionTests
{
    [Fact]
    public async Task A_request_of_spans_is_what_the_official_definitions_say()
    {
        JsonElement read = await DecodeAsync("traces", c => c.Traces, subject =>
        {
            Span span = subject.Tracer.Begin("Put", SpanKind.Server, new TraceContext(1, 2, 3, true))!;
            span.AddStage("fsync", subject.Clock.GetTimestamp(), subject.Clock.GetTimestamp() + 10);
            span.SetAttribute("shard", "17");
            span.Fail("why");
            span.End();
        });
        JsonElement spans = read.GetProperty("resourceSpans")[0].GetProperty("scopeSpans")[0].GetProperty("spans");
        Assert.Equal(2, spans.GetArrayLength());
        Assert.Equal("SPAN_KIND_SERVER", spans[0].GetProperty("kind").GetString());
        Assert.Equal("SPAN_KIND_INTERNAL", spans[1].GetProperty("kind").GetString());
        Assert.Equal("AAAAAAAAAAEAAAAAAAAAAg==", spans[0].GetProperty("traceId").GetString());
        Assert.Equal("AAAAAAAAAAM=", spans[0].GetProperty("parentSpanId").GetString());
        Assert.Equal("STATUS_CODE_ERROR", spans[0].GetProperty("status").GetProperty("code").GetString());
        Assert.Equal("why", spans[0].GetProperty("status").GetProperty("message").GetString());
        Assert.Equal("shard", spans[0].GetProperty("attributes")[0].GetProperty("key").GetString());
        Assert.Equal("17", spans[0].GetProperty("attributes")[0].GetProperty("value").GetProperty("stringValue").GetString());
        Assert.Equal("1700000000000001000", spans[1].GetProperty("endTimeUnixNano").GetString());
    }

    [Fact]
    public async Task A_request_of_metrics_is_what_the_official_definitions_say()
    {
        JsonElement read = await DecodeAsync("metrics", c => c.Metrics, subject =>
        {
            subject.Meter.Counter("a_total", "Help.", new Label("status", "ok")).Add(3);
            subject.Meter.Gauge("b", "Help.").Set(0.5);
            subject.Meter.Histogram("c_seconds", "Help.", new[] { 0.5, 1 }).Record(0.7, new TraceContext(1, 2, 3, true));
        });
        JsonElement metrics = read.GetProperty("resourceMetrics")[0].GetProperty("scopeMetrics")[0].GetProperty("metrics");
        JsonElement sum = metrics[0].GetProperty("sum");
        Assert.Equal("AGGREGATION_TEMPORALITY_CUMULATIVE", sum.GetProperty("aggregationTemporality").GetString());
        Assert.True(sum.GetProperty("isMonotonic").GetBoolean());
        Assert.Equal("3", sum.GetProperty("dataPoints")[0].GetProperty("asInt").GetString());
        Assert.Equal("status", sum.GetProperty("dataPoints")[0].GetProperty("attributes")[0].GetProperty("key").GetString());
        Assert.Equal(0.5, metrics[1].GetProperty("gauge").GetProperty("dataPoints")[0].GetProperty("asDouble").GetDouble());
        JsonElement point = metrics[2].GetProperty("histogram").GetProperty("dataPoints")[0];
        Assert.Equal("s", metrics[2].GetProperty("unit").GetString());
        Assert.Equal("1", point.GetProperty("count").GetString());
        Assert.Equal(["0", "1", "0"], point.GetProperty("bucketCounts").EnumerateArray().Select(static e => e.GetString()));
        Assert.Equal([0.5, 1], point.GetProperty("explicitBounds").EnumerateArray().Select(static e => e.GetDouble()));
        JsonElement exemplar = point.GetProperty("exemplars")[0];
        Assert.Equal("AAAAAAAAAAEAAAAAAAAAAg==", exemplar.GetProperty("traceId").GetString());
        Assert.Equal("AAAAAAAAAAM=", exemplar.GetProperty("spanId").GetString());
        Assert.Equal(0.7, exemplar.GetProperty("asDouble").GetDouble());
    }

    private static async Task<JsonElement> DecodeAsync(
        string signal, Func<Collector, IEnumerable<byte[]>> requests, Action<Subject> fill)
    {
        await using Collector collector = await Collector.OverGrpcAsync();
        using var subject = new Subject(collector.Endpoint, OtlpProtocol.Grpc);
        fill(subject);
        await subject.Exporter.FlushAsync();
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, Assert.Single(requests(collector)));
            return JsonDocument.Parse(await InteropTools.DecodeOtlpAsync(signal, file)).RootElement;
        }
        finally
        {
            File.Delete(file);
        }
    }
}
