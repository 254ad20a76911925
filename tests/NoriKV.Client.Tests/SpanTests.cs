using System.Collections.Concurrent;
using System.Diagnostics;
using Nori.Grpc;
using NoriKV.Client.Tracing;
using NoriKV.Client.Transport;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Tests;

/// <summary>
/// What an operation tells to whoever collects traces. Listeners belong to the process, so a test looks at its own trace only, and only
/// this class has listeners.
/// </summary>
public sealed class SpanTests
{
    private static readonly NoriKVClientOptions Patient = new() { Deadline = TimeSpan.FromSeconds(60), SmartRouting = false };

    [Fact]
    public async Task An_operation_is_a_client_span_with_the_names_of_the_conventions()
    {
        using var trace = new Trace();
        await using var cluster = new ScriptedCluster(Patient);
        await cluster.Client.PutAsync("k", "v");
        await cluster.Client.GetAsync("k");
        await cluster.Client.DeleteAsync("k");
        await cluster.Client.CountAsync(new ScanOptions());
        Assert.Equal(["put", "get", "delete", "scan"], trace.Spans.Select(static s => s.DisplayName));
        Assert.All(trace.Spans, span =>
        {
            Assert.Equal(ActivityKind.Client, span.Kind);
            Assert.Equal("norikv", span.GetTagItem("db.system.name"));
            Assert.Equal(span.DisplayName, span.GetTagItem("db.operation.name"));
            Assert.Equal("a", span.GetTagItem("server.address"));
            Assert.Equal(1, span.GetTagItem("server.port"));
            Assert.Equal(ActivityStatusCode.Unset, span.Status);
            Assert.Equal(trace.Root.SpanId, span.ParentSpanId);
            Assert.Equal([ClientSpans.AttemptEvent], span.Events.Select(static e => e.Name));
            Assert.DoesNotContain(span.TagObjects, static t => t.Value is "k" or "v");
        });
        Assert.Same(trace.Root, Activity.Current);
    }

    [Fact]
    public async Task The_node_gets_the_span_of_each_call_as_its_traceparent()
    {
        using var trace = new Trace();
        await using var cluster = new ScriptedCluster(Patient);
        cluster.Only.OnScan = static (_, _) => Pages();
        await Task.WhenAll(cluster.Client.PutAsync("k", "v").AsTask(), cluster.Client.GetAsync("k").AsTask());
        await cluster.Client.PutAsync("large", new string('x', 2 << 20));
        await cluster.Client.CountAsync(new ScanOptions());
        IEnumerable<string?> sent = cluster.Only.Calls.Concat(cluster.Only.Alone).Select(static c => c.Traceparent)
            .Concat(cluster.Only.ScanTraceparents);
        Assert.Equal(trace.Spans.Select(static s => s.Id).Order(), sent.Order());
    }

    [Fact]
    public async Task Attempts_that_failed_are_events_of_the_span()
    {
        using var trace = new Trace();
        await using var cluster = new ScriptedCluster(Patient);
        int asked = 0;
        cluster.Only.OnCall = call => ++asked == 1 ? ScriptedTransport.Error(14, "NOT_LEADER") : ScriptedTransport.Echo(call);
        await cluster.Client.PutAsync("k", "v");
        Activity span = Assert.Single(trace.Spans);
        Assert.Equal(
            [ClientSpans.AttemptEvent, ClientSpans.FailureEvent, ClientSpans.AttemptEvent], span.Events.Select(static e => e.Name));
        Assert.Contains(span.Events.ElementAt(1).Tags, static t => t is { Key: "error.type", Value: "NOT_LEADER" });
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
    }

    [Fact]
    public async Task A_hedge_is_an_event_that_says_so()
    {
        using var trace = new Trace();
        await using var cluster = new ScriptedCluster(
            Patient with { HedgeReadsAfter = TimeSpan.FromMilliseconds(5), SilenceMax = Timeout.InfiniteTimeSpan }, "a:1", "b:2");
        string first = "";
        foreach (string address in (string[])["a:1", "b:2"])
        {
            cluster[address].OnCall = call =>
            {
                if (Interlocked.CompareExchange(ref first, address, "") is "" || first == address) return null;
                return ScriptedTransport.Echo(call);
            };
        }

        await cluster.Client.GetAsync("k");
        Activity span = Assert.Single(trace.Spans);
        Assert.Equal(2, span.Events.Count());
        Assert.DoesNotContain(span.Events.First().Tags, static t => t.Key == "norikv.hedge");
        Assert.Contains(span.Events.Last().Tags, static t => t is { Key: "norikv.hedge", Value: true });
    }

    [Fact]
    public async Task A_failure_is_the_spans_outcome()
    {
        using var trace = new Trace();
        await using var cluster = new ScriptedCluster(Patient);
        cluster.Only.OnCall = static _ => ScriptedTransport.Error(9, "Version mismatch");
        await Assert.ThrowsAsync<VersionMismatchException>(async () => await cluster.Client.PutAsync("k", "v"));
        cluster.Only.OnScan = static (_, _) => Failing();
        await Assert.ThrowsAsync<InvalidArgumentException>(async () => await cluster.Client.CountAsync(new ScanOptions()));
        Assert.Equal(
            ["VERSION_MISMATCH", "INVALID_ARGUMENT"], trace.Spans.Select(static s => s.GetTagItem("db.response.status_code")));
        Assert.All(trace.Spans, static s => Assert.Equal(ActivityStatusCode.Error, s.Status));
        Assert.Equal("Version mismatch", trace.Spans.First().StatusDescription);
    }

    [Fact]
    public async Task A_scan_is_one_span_that_is_nobodys_surroundings_and_ends_when_the_caller_leaves()
    {
        using var trace = new Trace();
        await using var cluster = new ScriptedCluster(Patient);
        cluster.Only.OnScan = static (_, _) => Pages();
        await foreach (KvPair pair in cluster.Client.ScanAsync(new ScanOptions()))
        {
            Assert.Equal("a", System.Text.Encoding.UTF8.GetString(pair.Key.Span));
            Assert.Same(trace.Root, Activity.Current);
            Assert.Empty(trace.Spans);
            break;
        }

        Assert.Equal("scan", Assert.Single(trace.Spans).DisplayName);
        Assert.Same(trace.Root, Activity.Current);
    }

    [Fact]
    public async Task What_outlives_an_operation_is_no_part_of_its_trace()
    {
        using var trace = new Trace();
        var seen = new TaskCompletionSource<Activity?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var cluster = new ScriptedCluster(Patient with { SmartRouting = true });
        cluster.Only.OnWatch = token =>
        {
            seen.TrySetResult(Activity.Current);
            return ScriptedTransport.Never(token);
        };
        var streams = new ConcurrentQueue<Activity?>();
        cluster.Only.OnCall = call =>
        {
            streams.Enqueue(Activity.Current);
            return ScriptedTransport.Echo(call);
        };
        await cluster.Client.GetAsync("k");
        Assert.Null(await seen.Task.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal([null], streams);
    }

    [Fact]
    public async Task Where_nobody_listens_there_is_no_span_no_traceparent_and_no_byte_for_it()
    {
        await using var cluster = new ScriptedCluster(Patient);
        await cluster.Client.PutAsync("k", "v");
        Assert.Equal("", Assert.Single(cluster.Only.Calls).Traceparent);
        Assert.Equal(0, Allocations.Least(static () =>
        {
            for (int i = 0; i < 1000; i++)
            {
                ValueTask<int> run = ClientSpans.RunAsync("put", 0, i, static x => new ValueTask<int>(x));
                ClientSpans.Attempt("a:1", isHedge: false);
                ClientSpans.Failed("a:1", KvCode.NotLeader);
                if (!run.IsCompletedSuccessfully || ClientSpans.Context is not null || ClientSpans.BeginApart("scan") is not null)
                    throw new InvalidOperationException("somebody listens");
            }
        }));
    }

    [Fact]
    public async Task Where_nobody_listens_the_callers_own_span_goes_along()
    {
        using Activity own = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        await using var cluster = new ScriptedCluster(Patient);
        await cluster.Client.GetAsync("k");
        Assert.Equal(own.Id, Assert.Single(cluster.Only.Calls).Traceparent);
        Assert.Empty(own.Events);
        Assert.Empty(own.TagObjects);
    }

    [Fact]
    public async Task What_vendors_say_of_the_trace_goes_along()
    {
        using Activity own = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        own.TraceStateString = "vendor=1";
        await using var cluster = new ScriptedCluster(Patient);
        cluster.Only.OnScan = static (_, _) => Pages();
        await cluster.Client.CountAsync(new ScanOptions());
        Assert.Equal("vendor=1", Assert.Single(cluster.Only.ScanTracestates));
        Assert.Equal("vendor=1", ClientSpans.State);

        await using var transport = new GrpcNodeTransport("a:1", Patient) { ClusterId = "c" };
        Metadata headers = transport.Headers(own.Id, "vendor=1")!;
        Assert.Equal(own.Id, headers.GetValue("traceparent"));
        Assert.Equal("vendor=1", headers.GetValue("tracestate"));
        Assert.Equal("c", headers.GetValue("norikv-cluster-id"));
        foreach (string? none in (string?[])[null, "", "a=\n", "a=\u00e9", new string('a', 513)])
            Assert.Null(transport.Headers(own.Id, none)!.GetValue("tracestate"));
    }

    private static async IAsyncEnumerable<ScanResponse> Pages()
    {
        await Task.Yield();
        var page = new ScanResponse { Count = 1, NextPageToken = Google.Protobuf.ByteString.Empty };
        page.Pairs.Add(new KeyValue { Key = Google.Protobuf.ByteString.CopyFromUtf8("a") });
        yield return page;
    }

    private static async IAsyncEnumerable<ScanResponse> Failing()
    {
        await Task.Yield();
        if (Environment.ProcessId != 0)
            throw new Transport.RpcException(new KvError(KvCode.InvalidArgument, "no such page"), reached: true);
        yield break;
    }

    /// <summary>A trace of its own, and the client's spans in it that ended.</summary>
    private sealed class Trace : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _ended = new();
        private readonly ActivityListener _listener;

        public Trace()
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = static s => s.Name == NoriKVClient.ActivitySourceName,
                Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = span =>
                {
                    if (span.TraceId == Root!.TraceId) _ended.Enqueue(span);
                },
            };
            Root = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();
            ActivitySource.AddActivityListener(_listener);
        }

        public Activity Root { get; }

        public IEnumerable<Activity> Spans => _ended;

        public void Dispose()
        {
            _listener.Dispose();
            Root.Dispose();
        }
    }
}
