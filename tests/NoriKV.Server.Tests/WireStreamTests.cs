using Google.Protobuf;
using Nori.Grpc;
using NoriKV.Proto.V1;

namespace NoriKV.Server.Tests;

/// <summary>Kv.Stream: what SDKs use for throughput.</summary>
public sealed class WireStreamTests
{
    [Fact]
    public async Task Every_call_has_its_result_whatever_the_order()
    {
        await using TestServer server = await TestServer.StartAsync();
        const int Calls = 2000;
        await using var stream = server.Rpc.DuplexStreaming(Wire.Stream);
        Task<Dictionary<ulong, StreamResult>> reading = ReadAsync(stream, Calls);
        for (int i = 0; i < Calls; i += 50)
        {
            var request = new StreamRequest();
            for (int j = i; j < i + 50; j++)
                request.Calls.Add(new StreamCall { Id = (ulong)j + 1, Put = Put($"k{j}", $"v{j}") });
            await stream.WriteAsync(request);
        }

        Dictionary<ulong, StreamResult> results = await reading;
        await stream.CompleteAsync();
        Assert.Equal(Calls, results.Count);
        Assert.All(results.Values, static r => Assert.Equal(StreamResult.ResultOneofCase.Put, r.ResultCase));
        Assert.Equal("v1999", (await server.GetAsync("k1999")).Value.ToStringUtf8());
    }

    [Fact]
    public async Task A_storm_of_cancelled_calls_leaves_the_other_calls_of_the_connection_alone()
    {
        await using TestServer server = await TestServer.StartAsync();
        var kept = new List<Task>();
        var cancelled = new List<Task>();
        for (int i = 0; i < 3000; i++)
        {
            bool cancels = i % 2 == 0;
            using var one = new CancellationTokenSource();
            Task put = server.Rpc.UnaryAsync(Wire.Put, Put($"k{i}", "v"), new GrpcCallOptions
            {
                Timeout = TimeSpan.FromSeconds(60),
                CancellationToken = cancels ? one.Token : default,
            });
            (cancels ? cancelled : kept).Add(put);
            // The task runs until its request is on its way: what is cancelled here is a reset on the wire.
            if (cancels) await one.CancelAsync();
        }

        await Task.WhenAll(kept);
        foreach (Task put in cancelled)
        {
            // An answer may have been faster; any other end would be the connection's.
            await put.ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            Assert.True(put.IsCanceled || put.IsCompletedSuccessfully, put.Exception?.ToString());
        }
    }

    [Fact]
    public async Task One_bad_call_is_one_bad_result_and_the_others_go_on()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using var stream = server.Rpc.DuplexStreaming(Wire.Stream);
        Task<Dictionary<ulong, StreamResult>> reading = ReadAsync(stream, 6);
        await stream.WriteAsync(new StreamRequest
        {
            Calls =
            {
                new StreamCall { Id = 1, Put = Put("a", "1") },
                new StreamCall { Id = 2, Put = new PutRequest { Value = Wire.Bytes("no key") } },
                new StreamCall { Id = 3 },
                new StreamCall { Id = 4, Get = new GetRequest { Key = Wire.Bytes("a"), Consistency = "psychic" } },
                new StreamCall
                {
                    Id = 5,
                    Put = new PutRequest
                    {
                        Key = Wire.Bytes("b"), IfMatch = new Proto.V1.Version { Term = 1, Index = 99 },
                    },
                },
                new StreamCall { Id = 6, Delete = new DeleteRequest { Key = Wire.Bytes("missing") } },
            },
        });
        Dictionary<ulong, StreamResult> results = await reading;
        Assert.Equal(
            [0u, 3, 3, 3, 9, 0], results.OrderBy(static r => r.Key).Select(static r => r.Value.Error?.Code ?? 0));
        Assert.Contains("Version mismatch", results[5].Error.Message, StringComparison.Ordinal);
        Assert.False(results[6].Delete.Tombstoned);
    }

    [Fact]
    public async Task A_bug_in_one_call_is_internal_without_details_and_ends_no_stream()
    {
        var node = new FakeNode { Fault = new InvalidOperationException("secret path /etc") };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        await using var stream = server.Rpc.DuplexStreaming(Wire.Stream);
        Task<Dictionary<ulong, StreamResult>> reading = ReadAsync(stream, 1);
        await stream.WriteAsync(One(1, "a"));
        Status error = (await reading)[1].Error;
        Assert.Equal(((uint)13, "internal error"), (error.Code, error.Message));
        node.Fault = null;
        reading = ReadAsync(stream, 1);
        await stream.WriteAsync(One(2, "a"));
        Assert.NotNull((await reading)[2].Put);
    }

    [Fact]
    public async Task A_call_has_its_own_time_and_the_stream_has_none()
    {
        var node = new FakeNode();
        await using TestServer server = await TestServer.StartFakeAsync(node);
        await using var stream = server.Rpc.DuplexStreaming(Wire.Stream);
        StreamRequest timed = One(1, "a");
        timed.Calls[0].TimeoutMs = 60_000;
        await HasAsync(60, timed);
        await HasAsync(5, One(2, "a"));

        async Task HasAsync(double seconds, StreamRequest request)
        {
            long before = TimeProvider.System.GetTimestamp();
            Task<Dictionary<ulong, StreamResult>> reading = ReadAsync(stream, 1);
            await stream.WriteAsync(request);
            await reading;
            WireFramingTests.AssertCounted(seconds, before, node.LastContext.Deadline);
        }
    }

    [Fact]
    public async Task Calls_in_flight_are_bounded_and_the_rest_waits_at_the_client()
    {
        var node = new FakeNode { Hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        await using var stream = server.Rpc.DuplexStreaming(Wire.Stream);
        Task writing = Task.Run(async () =>
        {
            for (ulong id = 1; id <= 3000; id++) await stream.WriteAsync(One(id, "a"));
        });
        Task<Dictionary<ulong, StreamResult>> reading = ReadAsync(stream, 3000);
        await WireFramingTests.EventuallyAsync(() => node.Waiting == 1024);
        await Task.Delay(100);
        Assert.Equal(1024, node.Waiting);
        node.Hold.SetResult();
        node.Hold = null;
        Assert.Equal(3000, (await reading).Count);
        await writing;
    }

    [Fact]
    public async Task Bytes_in_flight_are_bounded_too()
    {
        var node = new FakeNode { Hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        await using var stream = server.Rpc.DuplexStreaming(Wire.Stream);
        ByteString mebibyte = ByteString.CopyFrom(new byte[(1 << 20) - 100]);
        Task writing = Task.Run(async () =>
        {
            for (ulong id = 1; id <= 40; id++)
            {
                var put = new PutRequest { Key = Wire.Bytes("k"), Value = mebibyte };
                await stream.WriteAsync(new StreamRequest { Calls = { new StreamCall { Id = id, Put = put } } });
            }
        });
        Task<Dictionary<ulong, StreamResult>> reading = ReadAsync(stream, 40);
        await WireFramingTests.EventuallyAsync(() => node.Waiting == 16);
        await Task.Delay(100);
        Assert.Equal(16, node.Waiting);
        node.Hold.SetResult();
        node.Hold = null;
        Assert.Equal(40, (await reading).Count);
        await writing;
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_what_it_asked_for()
    {
        var node = new FakeNode { Hold = new TaskCompletionSource() };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        var stream = server.Rpc.DuplexStreaming(Wire.Stream);
        await stream.WriteAsync(One(1, "a"));
        await WireFramingTests.EventuallyAsync(() => node.Waiting == 1);
        await stream.DisposeAsync();
        await WireFramingTests.EventuallyAsync(() => node.Cancelled == 1 && server.Server.RunningCalls == 0);
    }

    [Fact]
    public async Task A_broken_message_ends_the_stream_behind_the_results_of_what_came_before()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        byte[] body = [.. WireFramingTests.Framed(One(7, "a")), 0, 0, 0, 0, 2, 0xFF, 0xFF];
        Nori.Grpc.Server.Tests.RawCall.Answer answer = await Nori.Grpc.Server.Tests.RawCall.SendAsync(
            server.Server.RpcEndPoint.Port, "/norikv.v1.Kv/Stream", body);
        Assert.Equal("13", answer.GrpcStatus);
        Assert.Equal(7ul, StreamResponse.Parser.ParseFrom(answer.Body.AsSpan(5)).Results.Single().Id);
    }

    [Fact]
    public async Task When_the_server_stops_what_runs_is_answered_and_the_stream_ends_as_unavailable()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using var stream = server.Rpc.DuplexStreaming(Wire.Stream);
        Task<Dictionary<ulong, StreamResult>> reading = ReadAsync(stream, 1);
        await stream.WriteAsync(One(1, "a"));
        await reading;
        Task stopping = server.Server.StopAsync();
        GrpcException end = await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            await foreach (StreamResponse _ in stream.ReadAllAsync())
            {
            }
        });
        Assert.Equal(GrpcStatusCode.Unavailable, end.Code);
        await stopping.WaitAsync(TimeSpan.FromSeconds(60));
    }

    private static StreamRequest One(ulong id, string key) =>
        new() { Calls = { new StreamCall { Id = id, Put = Put(key, "v") } } };

    private static PutRequest Put(string key, string value) => WireFramingTests.Put(key, value);

    private static async Task<Dictionary<ulong, StreamResult>> ReadAsync(
        GrpcDuplexCall<StreamRequest, StreamResponse> stream, int count)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var results = new Dictionary<ulong, StreamResult>();
        await foreach (StreamResponse response in stream.ReadAllAsync(patience.Token))
        {
            foreach (StreamResult result in response.Results) results.Add(result.Id, result);
            if (results.Count >= count) return results;
        }

        return results;
    }
}
