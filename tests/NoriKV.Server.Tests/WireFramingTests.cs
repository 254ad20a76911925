using System.Buffers.Binary;
using System.Net;
using Google.Protobuf;
using Nori.Grpc;
using Nori.Grpc.Server.Tests;
using NoriKV.Proto.V1;

namespace NoriKV.Server.Tests;

/// <summary>The paragraph "Framing" of docs/wire.md, sentence by sentence, against a whole server.</summary>
public sealed class WireFramingTests
{
    private const string PutPath = "/norikv.v1.Kv/Put";

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    public async Task Http2_with_prior_knowledge_post_and_both_content_types_are_served(string contentType)
    {
        await using TestServer server = await TestServer.StartAsync();
        RawCall.Answer answer = await CallAsync(server, PutPath, Framed(Put("k", "v")), contentType);
        Assert.Equal((200, "0"), (answer.Http, answer.GrpcStatus));
        Assert.Equal(0, answer.Body[0]);
        Assert.Equal(answer.Body.Length - 5, BinaryPrimitives.ReadInt32BigEndian(answer.Body.AsSpan(1)));
        Assert.True(PutResponse.Parser.ParseFrom(answer.Body.AsSpan(5)).Version.Index >= 1);
        Assert.Equal("application/grpc", answer.Response.Content.Headers.ContentType!.MediaType);
    }

    [Theory]
    [InlineData("application/json", 415)]
    [InlineData("text/plain", 415)]
    [InlineData("application/grpc-web", 415)]
    public async Task Another_content_type_is_415(string contentType, int status)
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        Assert.Equal(status, (await CallAsync(server, PutPath, Framed(Put("k", "v")), contentType)).Http);
    }

    [Fact]
    public async Task Another_method_than_post_is_405()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        HttpRequestMessage get = RawCall.Request(server.Server.RpcEndPoint.Port, PutPath, null);
        get.Method = HttpMethod.Get;
        Assert.Equal(405, (await RawCall.SendAsync(get)).Http);
    }

    [Fact]
    public async Task A_compressed_message_is_unimplemented_and_names_what_is_accepted()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        byte[] message = Framed(Put("k", "v"));
        message[0] = 1;
        RawCall.Answer answer = await CallAsync(server, PutPath, message);
        Assert.Equal("12", answer.GrpcStatus);
        Assert.Equal("identity", answer.Response.Headers.GetValues("grpc-accept-encoding").Single());
    }

    [Fact]
    public async Task A_client_that_accepts_only_identity_is_answered_plainly()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        HttpRequestMessage request = RawCall.Request(
            server.Server.RpcEndPoint.Port, PutPath, new ByteArrayContent(Framed(Put("k", "v"))));
        request.Headers.Add("grpc-accept-encoding", "identity");
        RawCall.Answer answer = await RawCall.SendAsync(request);
        Assert.Equal(("0", 0), (answer.GrpcStatus, answer.Body[0]));
    }

    [Fact]
    public async Task The_status_stands_in_the_trailers_behind_an_answer()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        RawCall.Answer answer = await CallAsync(server, PutPath, Framed(Put("k", "v")));
        Assert.Equal("0", answer.Response.TrailingHeaders.GetValues("grpc-status").Single());
        Assert.False(answer.IsTrailersOnly);
    }

    [Fact]
    public async Task An_early_error_is_trailers_only_and_its_message_is_percent_encoded_utf8()
    {
        var node = new FakeNode
        {
            Outcome = new Types.KvError(Types.KvCode.VersionMismatch, "Version mismatch: größer 100%"),
        };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        RawCall.Answer answer = await CallAsync(server, PutPath, Framed(Put("k", "v")));
        Assert.True(answer.IsTrailersOnly);
        Assert.Equal(("9", "Version mismatch: gr%C3%B6%C3%9Fer 100%25"), (answer.GrpcStatus, answer.Message));
        Assert.Empty(answer.Body);
    }

    [Theory]
    [InlineData("1H")]
    [InlineData("1M")]
    [InlineData("10S")]
    [InlineData("5000m")]
    [InlineData("5000000u")]
    [InlineData("99999999n")]
    public async Task Every_unit_of_grpc_timeout_is_read(string timeout)
    {
        var node = new FakeNode();
        await using TestServer server = await TestServer.StartFakeAsync(node);
        double expected = int.Parse(timeout[..^1]) * timeout[^1] switch
        {
            'H' => 3600.0, 'M' => 60, 'S' => 1, 'm' => 1e-3, 'u' => 1e-6, _ => 1e-9,
        };
        long before;
        string? status;
        do
        {
            HttpRequestMessage request = RawCall.Request(
                server.Server.RpcEndPoint.Port, PutPath, new ByteArrayContent(Framed(Put("k", "v"))));
            request.Headers.Add("grpc-timeout", timeout);
            before = TimeProvider.System.GetTimestamp();
            status = (await RawCall.SendAsync(request)).GrpcStatus;
        }
        while (status == "4" && expected < 1); // a tenth of a second may have passed before it began

        Assert.Equal("0", status);
        AssertCounted(expected, before, node.LastContext.Deadline);
    }

    /// <summary>That the deadline was counted from a moment between then and now, however long that was.</summary>
    internal static void AssertCounted(double expectedSeconds, long before, long deadline)
    {
        double fromNow = TimeProvider.System.GetElapsedTime(TimeProvider.System.GetTimestamp(), deadline).TotalSeconds;
        double fromThen = TimeProvider.System.GetElapsedTime(before, deadline).TotalSeconds;
        Assert.True(
            fromNow <= expectedSeconds + 0.001 && fromThen >= expectedSeconds - 0.001,
            $"{expectedSeconds} s are not between {fromNow} s and {fromThen} s");
    }

    [Fact]
    public async Task A_passed_deadline_is_deadline_exceeded_and_the_operation_is_cancelled()
    {
        var node = new FakeNode { Hold = new TaskCompletionSource() };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        // On a busy machine the time may be over before the operation begins: then there is nothing to cancel.
        for (int ms = 50; node.Cancelled == 0 && ms < 60_000; ms *= 2)
        {
            HttpRequestMessage request = RawCall.Request(
                server.Server.RpcEndPoint.Port, PutPath, new ByteArrayContent(Framed(Put("k", "v"))));
            request.Headers.Add("grpc-timeout", $"{ms}m");
            Assert.Equal("4", (await RawCall.SendAsync(request)).GrpcStatus);
        }

        await EventuallyAsync(() => node.Cancelled == 1);
    }

    [Fact]
    public async Task A_call_without_deadline_has_five_seconds()
    {
        var node = new FakeNode();
        await using TestServer server = await TestServer.StartFakeAsync(node);
        long before = TimeProvider.System.GetTimestamp();
        await server.PutAsync("k", "v");
        AssertCounted(5, before, node.LastContext.Deadline);
    }

    [Fact]
    public async Task A_reset_of_the_stream_cancels_the_call()
    {
        var node = new FakeNode { Hold = new TaskCompletionSource() };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        using RawHttp2 raw = await RawHttp2.OpenAsync(server.Server.RpcEndPoint.Port);
        await raw.SendCallAsync(1, PutPath);
        await raw.SendFrameAsync(RawHttp2.Data, RawHttp2.EndStream, 1, Framed(Put("k", "v")));
        await EventuallyAsync(() => node.Waiting == 1);
        await raw.SendFrameAsync(RawHttp2.Reset, 0, 1, new byte[] { 0, 0, 0, 8 });
        await EventuallyAsync(() => node.Cancelled == 1);
    }

    [Theory]
    [InlineData("/norikv.v1.Kv/Nope")]
    [InlineData("/norikv.v1.Nope/Put")]
    [InlineData("/")]
    public async Task An_unknown_method_is_unimplemented(string path)
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        RawCall.Answer answer = await CallAsync(server, path, Framed(Put("k", "v")));
        Assert.Equal((200, "12"), (answer.Http, answer.GrpcStatus));
    }

    [Fact]
    public async Task Pings_are_answered_also_on_a_connection_without_calls()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        using RawHttp2 raw = await RawHttp2.OpenAsync(server.Server.RpcEndPoint.Port);
        for (byte i = 0; i < 50; i++)
        {
            byte[] payload = [i, 1, 2, 3, 4, 5, 6, 7];
            await raw.SendFrameAsync(RawHttp2.Ping, 0, 0, payload);
            var pong = await raw.ReadFrameAsync(RawHttp2.Ping);
            Assert.Equal(payload, pong!.Value.Payload);
            Assert.Equal(RawHttp2.Ack, pong.Value.Flags);
        }

        await raw.SendCallAsync(1, PutPath);
        await raw.SendFrameAsync(RawHttp2.Data, RawHttp2.EndStream, 1, Framed(Put("k", "v")));
        Assert.NotNull(await raw.ReadFrameAsync(RawHttp2.Headers));
    }

    [Fact]
    public async Task A_message_of_four_mebibytes_is_read_and_judged_not_cut()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        RawCall.Answer answer = await CallAsync(server, PutPath, Framed(OfSize((4 << 20) - 64)));
        Assert.Equal("3", answer.GrpcStatus);
        Assert.Contains("exceeds limit 2097152", answer.Message, StringComparison.Ordinal);
        RawCall.Answer larger = await CallAsync(server, PutPath, Framed(OfSize(5 << 20)));
        Assert.Equal("3", larger.GrpcStatus);
        await server.PutAsync("still", "serves");

        static PutRequest OfSize(int bytes) => new() { Value = ByteString.CopyFrom(new byte[bytes]) };
    }

    [Theory]
    [InlineData("grpc.reflection.v1.ServerReflection")]
    [InlineData("grpc.reflection.v1alpha.ServerReflection")]
    public async Task Reflection_lists_the_services_in_both_versions(string service)
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        var method = new GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(
            GrpcMethodKind.Duplex, service, "ServerReflectionInfo", Marshallers.Bytes, Marshallers.Bytes);
        await using var call = server.Rpc.DuplexStreaming(method);

        // ServerReflectionRequest { list_services: "*" }
        await call.WriteAsync(new byte[] { 0x3A, 1, (byte)'*' });
        await call.CompleteAsync();
        await foreach (ReadOnlyMemory<byte> answer in call.ReadAllAsync())
        {
            string[] names = ["norikv.v1.Kv", "norikv.v1.Meta", "norikv.v1.Admin", "grpc.health.v1.Health"];
            foreach (string name in names)
                Assert.True(answer.Span.IndexOf(System.Text.Encoding.ASCII.GetBytes(name)) >= 0, name);
            return;
        }

        Assert.Fail("no answer");
    }

    [Theory]
    [InlineData(new byte[] { }, "12")]
    [InlineData(new byte[] { 0, 0, 0 }, "13")]
    [InlineData(new byte[] { 0, 0, 0, 0, 9, 1 }, "13")]
    [InlineData(new byte[] { 7, 0, 0, 0, 0 }, "13")]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 0xFF, 0xFF }, "13")]
    public async Task A_broken_message_has_a_status_and_hurts_nobody(byte[] body, string status)
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        Assert.Equal(status, (await CallAsync(server, PutPath, body)).GrpcStatus);
        await server.PutAsync("still", "serves");
    }

    internal static byte[] Framed(IMessage message)
    {
        byte[] framed = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), framed.Length - 5);
        message.WriteTo(framed.AsSpan(5));
        return framed;
    }

    internal static PutRequest Put(string key, string value) =>
        new() { Key = Wire.Bytes(key), Value = Wire.Bytes(value) };

    internal static async Task EventuallyAsync(Func<bool> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!holds()) await Task.Delay(5, patience.Token);
    }

    private static Task<RawCall.Answer> CallAsync(
        TestServer server, string path, byte[] body, string contentType = "application/grpc") =>
        RawCall.SendAsync(server.Server.RpcEndPoint.Port, path, body, contentType);
}
