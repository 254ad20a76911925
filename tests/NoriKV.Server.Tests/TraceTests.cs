using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Nori.Grpc;
using Nori.Observe;
using NoriKV.Client;
using NoriKV.Interop;
using NoriKV.Node.Tracing;
using NoriKV.Proto.V1;

namespace NoriKV.Server.Tests;

/// <summary>Where requests went, on a real cluster of three: explained, slow, and as one trace over the nodes.</summary>
public sealed class TraceTests
{
    private const int Puts = 150;

    [Fact]
    public async Task An_explained_call_tells_its_stages_also_through_a_node_that_forwards()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        int forwarded = 0;
        for (int i = 0; i < 24; i++)
        {
            RequestTrace put = await PutAsync(cluster[i % 3], $"key-{i}");
            AssertWhole(put);
            Assert.Equal(("put", "ok", $"n{(i % 3) + 1}"), (put.Operation, put.Status, put.Node));
            string[] names = [.. put.Stages.Select(static s => s.Name)];
            Assert.Contains(StageNames.Route, names);
            Assert.True(names.Contains(StageNames.Fsync) || names.Contains(StageNames.Peer), string.Join(' ', names));
            Assert.Contains(StageNames.Apply, names);
            Assert.Contains(put.Beside.Concat(put.Stages), static s => s.Name == StageNames.Peer);
            if (put.Forwards == 0) continue;
            forwarded++;
            Assert.NotEqual(put.Node, put.ServedBy);
            Assert.Contains(put.Stages, s => s.Name == StageNames.Queue && s.Node == put.ServedBy);
        }

        Assert.NotEqual(0, forwarded);
        RequestTrace get = await GetAsync(cluster[0], "key-1", "");
        AssertWhole(get);
        Assert.Contains(get.Stages, static s => s.Name is StageNames.ReadIndex or StageNames.Wake);
        Assert.Contains(get.Stages, static s => s.Name == StageNames.Lookup);
        AssertWhole(await GetAsync(cluster[1], "key-1", "lease"));
        AssertWhole(await GetAsync(cluster[2], "key-1", "stale_ok"));
        Assert.Null((await cluster[0].Rpc.UnaryWithMetadataAsync(
            Wire.Get, new GetRequest { Key = Wire.Bytes("key-1") })).Trailers.GetBytes("norikv-trace-bin"));
    }

    [Fact]
    public async Task A_call_that_is_refused_is_explained_in_its_trailers()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PutAsync("a", "1");
        var request = new PutRequest { Key = Wire.Bytes("a"), IfNotExists = true };
        GrpcException failed = await Wire.FailsAsync(server.Rpc.UnaryWithMetadataAsync(Wire.Put, request, Explained()));
        RequestTrace trace = Read(failed.Trailers);
        Assert.Equal(("put", "already_exists"), (trace.Operation, trace.Status));
        AssertWhole(trace);
    }

    [Fact]
    public async Task Over_http_a_header_asks_and_a_header_tells()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach ((HttpMethod method, string key, string operation, string status) in ((HttpMethod, string, string, string)[])
            [(HttpMethod.Put, "a", "put", "ok"), (HttpMethod.Get, "a", "get", "ok"), (HttpMethod.Get, "none", "get", "ok")])
        {
            var request = new HttpRequestMessage(method, $"/kv/{key}");
            if (method == HttpMethod.Put) request.Content = new StringContent("1");
            request.Headers.Add("Norikv-Explain", "1");
            HttpResponseMessage response = await server.Http.SendAsync(request);
            using JsonDocument json = JsonDocument.Parse(Assert.Single(response.Headers.GetValues("Norikv-Trace")));
            RequestTrace trace = RequestTraceJson.Read(json.RootElement);
            Assert.Equal((operation, status, "n1"), (trace.Operation, trace.Status, trace.Node));
            AssertWhole(trace);
        }

        Assert.False((await server.Http.GetAsync("/kv/a")).Headers.Contains("Norikv-Trace"));
    }

    [Fact]
    public async Task Slow_requests_are_shown_logged_and_counted_and_the_threshold_changes_while_it_runs()
    {
        await using TestServer server = await TestServer.StartAsync(static o => o with { SlowThreshold = TimeSpan.Zero });
        await server.PutAsync("a", "1");
        using (JsonDocument none = JsonDocument.Parse(await server.Http.GetStringAsync("/slow")))
            Assert.Equal(0, none.RootElement.GetProperty("last").GetInt64());
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PutAsync("/slow?threshold_ms=x", null)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PutAsync("/slow", null)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await server.Http.DeleteAsync("/slow")).StatusCode);

        // Everything is slow from a nanosecond on.
        server.Server.Node.SlowOperations!.Threshold = TimeSpan.FromTicks(1);
        await server.PutAsync("a", "2");
        await server.GetAsync("a");
        using JsonDocument page = JsonDocument.Parse(await server.Http.GetStringAsync("/slow"));
        RequestTrace[] traces = [.. page.RootElement.GetProperty("operations").EnumerateArray().Select(RequestTraceJson.Read)];
        Assert.Equal(["put", "get"], traces.Select(static t => t.Operation));
        Assert.All(traces, AssertWhole);
        Assert.Contains(traces[0].Stages, static s => s.Name == StageNames.Apply);
        Assert.Contains(traces[1].Stages, static s => s.Name == StageNames.Lookup);
        using JsonDocument rest = JsonDocument.Parse(await server.Http.GetStringAsync("/slow?since=1"));
        Assert.Equal(1, rest.RootElement.GetProperty("operations").GetArrayLength());
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!server.LogText.Contains("WARN  slow: put", StringComparison.Ordinal)) await Task.Delay(20, limit.Token);
        Assert.Contains("stages=", server.LogText, StringComparison.Ordinal);
        Assert.Contains(
            "norikv_kv_slow_requests_total{operation=\"put\"} 1", await server.Http.GetStringAsync("/metrics"), StringComparison.Ordinal);

        using JsonDocument changed = JsonDocument.Parse(
            await (await server.Http.PutAsync("/slow?threshold_ms=60000", null)).Content.ReadAsStringAsync());
        Assert.Equal(60_000, changed.RootElement.GetProperty("threshold_ms").GetDouble());
        await server.PutAsync("a", "3");
        Assert.Equal(2, server.Server.Node.SlowOperations!.Last);
    }

    // The stages of a put follow each other and are the put: asserted are sums, not speeds.
    [Fact]
    public async Task The_critical_path_of_many_puts_sums_to_their_spans_and_one_trace_spans_the_nodes()
    {
        using var collector = new TraceCollector();
        await using (TestCluster cluster = await TestCluster.StartAsync(3, o => o with
        {
            OtlpEnabled = true,
            OtlpProtocol = "http",
            OtlpEndpoint = collector.Endpoint,
            TraceSampleRatio = 0,
        }))
        {
            for (int i = 0; i < Puts; i++)
            {
                var headers = new Metadata
                {
                    { "traceparent", new TraceContext(7, (ulong)i + 1, 9, true).ToString() },
                    { "tracestate", $"vendor={i}" },
                };
                await cluster[i % 3].Rpc.UnaryAsync(
                    Wire.Put,
                    new PutRequest { Key = Wire.Bytes($"key-{i}"), Value = Wire.Bytes("v") },
                    new GrpcCallOptions { Headers = headers });
            }

            await ToldAsync(cluster, collector);
        }

        ILookup<string, TracedSpan> traces = (await collector.SpansAsync()).ToLookup(static s => s.Trace);
        int forwarded = 0;
        for (int i = 0; i < Puts; i++)
        {
            TracedSpan[] spans = [.. traces[new TraceContext(7, (ulong)i + 1, 9, true).TraceId]];
            TracedSpan root = Assert.Single(spans, static s => s.Parent == "0000000000000009");
            Assert.Equal("norikv.v1.Kv/Put", root.Name);
            AssertPath(root, spans);
            // What other systems wrote beside it goes with it to the other node, and to the collector.
            Assert.All(spans, s => Assert.Equal($"vendor={i}", s.State));
            // A young cluster levels its leaderships: who leads no more refuses it, and the next one has it, or the node that was asked.
            TracedSpan[] others = [.. spans.Where(static s => s.Name == "norikv.Forward/Write")];
            if (others.Length == 0) continue;
            forwarded++;
            Assert.Contains(spans, s => s.Name == StageNames.Forward && s.Parent == root.Id);
            bool isTriedHere = spans.Any(s => s.Name == StageNames.Queue && s.Parent == root.Id);
            Assert.Contains(spans, s => s.Name == StageNames.Apply
                && (others.Any(o => s.Parent == o.Id) || (isTriedHere && s.Parent == root.Id)));
            foreach (TracedSpan other in others)
            {
                Assert.Equal(root.Id, other.Parent);
                AssertPath(other, spans);
                Assert.True(other.Nanoseconds <= root.Nanoseconds, "what it asked for is not longer than itself");
            }
        }

        Assert.NotEqual(0, forwarded);
    }

    // One trace from the client's call to the entry that was applied, on whichever node.
    [Fact]
    public async Task A_clients_spans_and_those_of_the_nodes_are_one_trace()
    {
        using var collector = new TraceCollector();
        var ended = new System.Collections.Concurrent.ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static s => s.Name == NoriKVClient.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = ended.Enqueue,
        };
        using Activity root = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();
        await using (TestCluster cluster = await TestCluster.StartAsync(3, o => o with
        {
            OtlpEnabled = true,
            OtlpProtocol = "http",
            OtlpEndpoint = collector.Endpoint,
            TraceSampleRatio = 0,
        }))
        {
            // Without routing by the view one node is asked for all shards, so that some calls are forwarded.
            await using NoriKVClient client = NoriKVClient.Connect(new NoriKVClientOptions
            {
                Addresses = [cluster[0].Server.RpcEndPoint.ToString()!],
                SmartRouting = false,
                Deadline = TimeSpan.FromSeconds(60),
            });
            ActivitySource.AddActivityListener(listener);
            for (int i = 0; i < 24; i++) await client.PutAsync($"key-{i}", "v");
            await client.PutAsync("large", new string('x', 1 << 20));
            await client.GetAsync("key-1");
            await client.CountAsync(new Types.ScanOptions());
            await ToldAsync(cluster, collector);
        }

        ILookup<string, TracedSpan> byParent = (await collector.SpansAsync())
            .Where(s => s.Trace == root.TraceId.ToHexString()).ToLookup(static s => s.Parent);
        Activity[] calls = [.. ended.Where(a => a.TraceId == root.TraceId)];
        Assert.Equal(27, calls.Length);
        Assert.All(calls, call => Assert.Equal(root.SpanId, call.ParentSpanId));
        int applied = 0;
        foreach (Activity call in calls)
        {
            TracedSpan served = byParent[call.SpanId.ToHexString()].First();
            Assert.StartsWith("norikv.v1.Kv/", served.Name, StringComparison.Ordinal);
            Assert.Equal("SPAN_KIND_SERVER", served.Kind);
            applied += IsApplied(served) ? 1 : 0;
        }

        Assert.Equal(25, applied);

        // Where it was forwarded the entry was applied in the span of the node that was asked.
        bool IsApplied(TracedSpan span) =>
            byParent[span.Id].Any(child => child.Name == StageNames.Apply || (child.Kind == "SPAN_KIND_SERVER" && IsApplied(child)));
    }

    // What a server has not told when it ends has a second to leave, and may come twice. So each tells all it has before: its spans
    // leave in their order, and one is traced behind all others.
    private static async Task ToldAsync(TestCluster cluster, TraceCollector collector)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        TraceContext[] last = [.. cluster.Servers.Select(static (_, i) => new TraceContext(8, (ulong)i + 1, 9, true))];
        for (int i = 0; i < last.Length; i++)
        {
            await cluster[i].Rpc.UnaryAsync(
                Wire.Put,
                new PutRequest { Key = Wire.Bytes("last"), Value = Wire.Bytes("v") },
                new GrpcCallOptions { Headers = new Metadata { { "traceparent", last[i].ToString() } } });
        }

        int taken;
        do
        {
            await Task.Delay(50, limit.Token);
            taken = 0;
            foreach (TestServer server in cluster.Servers) taken += TakenOf(await server.Http.GetStringAsync("/metrics", limit.Token));
        }
        while (taken != collector.Requests || !Array.TrueForAll(last, c => collector.Holds(c.TraceId)));
    }

    // Requests of spans that the collector took, as the server knows.
    private static int TakenOf(string metrics) => int.Parse(
        Regex.Match(metrics, "norikv_otlp_requests_total\\{kind=\"traces\",result=\"ok\"\\} (\\d+)").Groups[1].Value,
        System.Globalization.CultureInfo.InvariantCulture);

    private static void AssertPath(TracedSpan span, TracedSpan[] all)
    {
        TracedSpan[] stages = [.. all.Where(s => s.Parent == span.Id && s.Kind == "SPAN_KIND_INTERNAL" && !s.IsBeside)];
        Assert.NotEmpty(stages);
        long sum = stages.Sum(static s => s.Nanoseconds);
        Assert.True(
            Math.Abs(sum - span.Nanoseconds) <= Math.Max(span.Nanoseconds / 20, 2000),
            $"{span.Name} took {span.Nanoseconds} ns, its stages {sum}: "
            + string.Join(", ", stages.Select(static s => $"{s.Name} {s.Nanoseconds}")));
    }

    private static void AssertWhole(RequestTrace trace)
    {
        Assert.All(trace.Stages, static s => Assert.True(s.Length >= TimeSpan.Zero, $"{s}"));
        Assert.Equal(trace.Total, trace.Stages.Aggregate(TimeSpan.Zero, static (sum, s) => sum + s.Length));
    }

    private static async Task<RequestTrace> PutAsync(TestServer server, string key) => Read((await server.Rpc.UnaryWithMetadataAsync(
        Wire.Put, new PutRequest { Key = Wire.Bytes(key), Value = Wire.Bytes("v") }, Explained())).Trailers);

    private static async Task<RequestTrace> GetAsync(TestServer server, string key, string consistency) =>
        Read((await server.Rpc.UnaryWithMetadataAsync(
            Wire.Get, new GetRequest { Key = Wire.Bytes(key), Consistency = consistency }, Explained())).Trailers);

    private static GrpcCallOptions Explained() => new() { Headers = new Metadata { { "norikv-explain", "1" } } };

    private static RequestTrace Read(Metadata trailers)
    {
        using JsonDocument json = JsonDocument.Parse(trailers.GetBytes("norikv-trace-bin")!.Value);
        return RequestTraceJson.Read(json.RootElement);
    }
}
