using System.Net;
using Google.Protobuf;

namespace NoriKV.Server.Tests;

/// <summary>Traces, the log's levels and formats, through the server's ports.</summary>
public sealed class TelemetryTests
{
    private const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string Caller = $"00-{Trace}-00f067aa0ba902b7-01";

    [Fact]
    public async Task A_traced_put_reaches_the_collector_with_its_stages()
    {
        using var collector = new TraceCollector();
        await using TestServer server = await TestServer.StartAsync(o => o with
        {
            OtlpEnabled = true,
            OtlpProtocol = "http",
            OtlpEndpoint = collector.Endpoint,
            TraceSampleRatio = 0,
        });
        var request = new HttpRequestMessage(HttpMethod.Put, "/kv/a") { Content = new StringContent("1") };
        request.Headers.Add("traceparent", Caller);
        HttpResponseMessage response = await server.Http.SendAsync(request);
        Assert.StartsWith($"00-{Trace}-", Assert.Single(response.Headers.GetValues("traceresponse")), StringComparison.Ordinal);
        Assert.False((await server.Http.GetAsync("/kv/a")).Headers.Contains("traceresponse"));

        byte[] body = await collector.FirstAsync();
        Assert.True(body.AsSpan().IndexOf(Convert.FromHexString(Trace)) > 0);
        foreach (string word in new[] { "PUT /kv", "route", "queue", "append", "fsync", "apply", "answer", "operation", "norikv" })
            Assert.True(body.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(word)) > 0, $"no {word}");

        // The same trace is the exemplar of its duration.
        var scrape = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        scrape.Headers.Add("Accept", "application/openmetrics-text");
        string metrics = await (await server.Http.SendAsync(scrape)).Content.ReadAsStringAsync();
        Assert.Contains($"# {{trace_id=\"{Trace}\"", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_traced_call_over_grpc_is_a_child_of_its_caller()
    {
        using var collector = new TraceCollector();
        await using TestServer server = await TestServer.StartFakeAsync(change: o => o with
        {
            OtlpEnabled = true,
            OtlpProtocol = "http",
            OtlpEndpoint = collector.Endpoint,
            TraceSampleRatio = 0,
        });
        var headers = new Nori.Grpc.Metadata();
        headers.Add("traceparent", Caller);
        await server.Rpc.UnaryAsync(
            Wire.Put, new Proto.V1.PutRequest { Key = ByteString.CopyFromUtf8("a") }, new Nori.Grpc.GrpcCallOptions { Headers = headers });
        byte[] body = await collector.FirstAsync();
        Assert.True(body.AsSpan().IndexOf(Convert.FromHexString("00f067aa0ba902b7")) > 0);
        Assert.True(body.AsSpan().IndexOf("norikv.v1.Kv/Put"u8) > 0);
    }

    [Fact]
    public async Task A_collector_that_is_gone_costs_a_warning_and_nothing_else()
    {
        await using TestServer server = await TestServer.StartFakeAsync(change: static o => o with
        {
            OtlpEnabled = true,
            OtlpEndpoint = "http://127.0.0.1:1",
            TraceSampleRatio = 1,
        });
        await server.PutAsync("a", "1");
        await WaitAsync(() => server.LogText.Contains("WARN  otlp: the collector cannot be reached", StringComparison.Ordinal));
        await server.PutAsync("b", "2");
    }

    [Fact]
    public async Task Levels_are_shown_and_changed_while_the_server_runs()
    {
        await using TestServer server = await TestServer.StartAsync(static o => o with { LogLevels = ["wal=error"] });
        Assert.Equal("""{"*":"info","wal":"error"}""", await server.Http.GetStringAsync("/log"));
        Assert.DoesNotContain("wal: Fsync", server.LogText, StringComparison.Ordinal);
        HttpResponseMessage changed = await server.Http.PutAsync("/log?component=wal&level=debug", null);
        Assert.Equal("""{"*":"info","wal":"debug"}""", await changed.Content.ReadAsStringAsync());
        await server.PutAsync("a", "1");
        await WaitAsync(() => server.LogText.Contains("DEBUG wal: Fsync seg=", StringComparison.Ordinal));
        foreach (string wrong in new[] { "/log?level=loud", "/log?component=A1&level=info", "/log" })
            Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PutAsync(wrong, null)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await server.Http.DeleteAsync("/log")).StatusCode);
    }

    [Fact]
    public async Task A_json_log_is_one_object_a_line()
    {
        await using TestServer server = await TestServer.StartFakeAsync(change: static o => o with { LogFormat = "json" });
        await WaitAsync(() => server.LogText.Contains("\"message\":\"serving\"", StringComparison.Ordinal));
        foreach (string line in server.LogText.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = System.Text.Json.JsonDocument.Parse(line);
            Assert.Equal("info", json.RootElement.GetProperty("level").GetString());
            Assert.Equal("server", json.RootElement.GetProperty("component").GetString());
        }
    }

    [Fact]
    public async Task A_server_without_metrics_and_collector_serves_all_the_same()
    {
        await using TestServer server = await TestServer.StartFakeAsync(change: static o => o with { PrometheusEnabled = false });
        await server.PutAsync("a", "1");
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync("/metrics")).StatusCode);
    }

    private static async Task WaitAsync(Func<bool> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!holds()) await Task.Delay(20, limit.Token);
    }
}
