namespace Nori.Grpc.Server.Tests;

/// <summary>What the server answers to requests that a gRPC client would not send.</summary>
public sealed class ProtocolTests
{
    private static readonly byte[] Hello = [0, 0, 0, 0, 2, (byte)'h', (byte)'i'];

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("application/grpc;charset=utf-8")]
    [InlineData("Application/GRPC")]
    public async Task Content_types_of_grpc_are_accepted(string type)
    {
        await using TestServer server = await TestServer.StartAsync();
        RawCall.Answer answer = await RawCall.SendAsync(server.Port, "/nori.test.Echo/Say", Hello, type);
        Assert.Equal(200, answer.Http);
        Assert.Equal("0", answer.GrpcStatus);
        Assert.Equal(Hello, answer.Body);
        Assert.Equal("application/grpc", answer.Response.Content.Headers.ContentType!.ToString());
        Assert.Equal("identity", answer.Response.Headers.GetValues("grpc-accept-encoding").Single());
        Assert.False(answer.IsTrailersOnly);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpc+json")]
    [InlineData("text/plain")]
    public async Task Other_content_types_are_415(string type)
    {
        await using TestServer server = await TestServer.StartAsync();
        Assert.Equal(415, (await RawCall.SendAsync(server.Port, "/nori.test.Echo/Say", Hello, type)).Http);
    }

    [Fact]
    public async Task Another_verb_is_405_and_a_missing_content_type_415()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpRequestMessage get = RawCall.Request(server.Port, "/nori.test.Echo/Say", null);
        get.Method = HttpMethod.Get;
        Assert.Equal(405, (await RawCall.SendAsync(get)).Http);
        HttpRequestMessage untyped = RawCall.Request(server.Port, "/nori.test.Echo/Say", null);
        Assert.Equal(415, (await RawCall.SendAsync(untyped)).Http);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/nori.test.Echo")]
    [InlineData("/nori.test.Echo/")]
    [InlineData("/nori.test.Echo/say")]
    [InlineData("/other/Say")]
    [InlineData("//")]
    [InlineData("/a/b/c")]
    public async Task Unknown_paths_are_unimplemented_in_trailers_only(string path)
    {
        await using TestServer server = await TestServer.StartAsync();
        RawCall.Answer answer = await RawCall.SendAsync(server.Port, path, Hello);
        Assert.Equal(200, answer.Http);
        Assert.Equal("12", answer.GrpcStatus);
        Assert.True(answer.IsTrailersOnly);
        Assert.Empty(answer.Body);
    }

    [Theory]
    [InlineData("", "12")] // no message
    [InlineData("00", "13")] // truncated prefix
    [InlineData("0000000002AA", "13")] // truncated message
    [InlineData("0000000001AA00", "12")] // something behind the message
    [InlineData("0000000001AA0000000001BB", "12")] // two messages
    [InlineData("0100000001AA", "12")] // compressed
    [InlineData("0700000001AA", "13")] // no flag
    [InlineData("00FFFFFFFF", "8")] // 4 GiB claimed
    [InlineData("0000400001", "8")] // one byte above the limit claimed
    public async Task A_malformed_unary_request_has_its_status(string body, string status)
    {
        await using TestServer server = await TestServer.StartAsync();
        RawCall.Answer answer = await RawCall.SendAsync(
            server.Port, "/nori.test.Echo/Say", Convert.FromHexString(body));
        Assert.Equal(status, answer.GrpcStatus);
        Assert.Equal("identity", answer.Response.Headers.GetValues("grpc-accept-encoding").Single());
        Assert.Empty(answer.Body);
    }

    [Theory]
    [InlineData("0000000001AA00", "13")]
    [InlineData("0000000001AA01", "12")]
    [InlineData("0000000001AA00FFFFFFFF", "8")]
    public async Task A_malformed_stream_has_its_status_behind_what_was_answered(string body, string status)
    {
        await using TestServer server = await TestServer.StartAsync();
        RawCall.Answer answer = await RawCall.SendAsync(
            server.Port, "/nori.test.Echo/Chat", Convert.FromHexString(body));
        Assert.Equal(status, answer.GrpcStatus);
        Assert.Equal(Convert.FromHexString("0000000001AA"), answer.Body);
    }

    [Theory]
    [InlineData("5", "13")]
    [InlineData("abc", "13")]
    [InlineData("123456789S", "13")]
    [InlineData("0n", "4")]
    [InlineData("1n", "4")]
    [InlineData("99999999H", "0")]
    public async Task The_timeout_header_is_honoured_or_refused(string timeout, string status)
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpRequestMessage request = RawCall.Request(server.Port, "/nori.test.Echo/Say", new ByteArrayContent(Hello));
        request.Headers.TryAddWithoutValidation("grpc-timeout", timeout);
        Assert.Equal(status, (await RawCall.SendAsync(request)).GrpcStatus);
    }

    [Fact]
    public async Task A_server_enforces_the_deadline_of_a_client_that_does_not()
    {
        await using TestServer server = await TestServer.StartAsync();
        // On a busy machine the time may be over before the request is there: then there is nobody to cancel.
        for (int ms = 50; !server.Echo.Cancelled.Task.IsCompleted && ms < 60_000; ms *= 2)
        {
            HttpRequestMessage request = RawCall.Request(server.Port, "/nori.test.Echo/Hang", new ByteArrayContent(Hello));
            request.Headers.TryAddWithoutValidation("grpc-timeout", $"{ms}m");
            RawCall.Answer answer = await RawCall.SendAsync(request);
            Assert.Equal("4", answer.GrpcStatus);
        }

        Assert.Equal("deadline", await server.Echo.Cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task A_deadline_also_ends_the_wait_for_the_request()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (string method in new[] { "Say", "Concat" })
        {
            HttpRequestMessage request = RawCall.Request(
                server.Port, $"/nori.test.Echo/{method}", new DripContent(Hello[..6]));
            request.Headers.TryAddWithoutValidation("grpc-timeout", "50m");
            Assert.Equal("4", (await RawCall.SendAsync(request)).GrpcStatus);
        }
    }

    [Fact]
    public async Task Unparsable_protobuf_is_internal()
    {
        await using TestServer server = await TestServer.StartAsync(more: [new HealthService().Definition]);
        RawCall.Answer answer = await RawCall.SendAsync(
            server.Port, "/grpc.health.v1.Health/Check", [0, 0, 0, 0, 2, 0x0A, 0x7F]);
        Assert.Equal("13", answer.GrpcStatus);
    }

    [Fact]
    public async Task An_authorizer_is_asked_before_the_request_is_read()
    {
        await using TestServer server = await TestServer.StartAsync(
            new GrpcServerOptions { Authorizer = new TokenAuthorizer() });
        var e = await Assert.ThrowsAsync<GrpcException>(
            () => server.Channel.UnaryAsync(EchoService.Say, new byte[1]));
        Assert.Equal(GrpcStatusCode.Unauthenticated, e.Code);
        RawCall.Answer early = await RawCall.SendAsync(
            RawCall.Request(server.Port, "/nori.test.Echo/Say", new DripContent([])));
        Assert.Equal("16", early.GrpcStatus);
        var options = new GrpcCallOptions { Headers = new Metadata { { "authorization", "Bearer t" } } };
        Assert.Equal(1, (await server.Channel.UnaryAsync(EchoService.Say, new byte[1], options)).Length);
    }

    [Fact]
    public async Task Each_call_is_reported_with_its_status()
    {
        var ended = new System.Collections.Concurrent.ConcurrentQueue<(string, GrpcStatusCode)>();
        await using TestServer server = await TestServer.StartAsync(
            new GrpcServerOptions { OnCallEnded = (c, s) => ended.Enqueue((c.Method, s.Code)) });
        await RawCall.SendAsync(server.Port, "/nori.test.Echo/Say", Hello);
        await RawCall.SendAsync(server.Port, "/nori.test.Echo/Fail", [0, 0, 0, 0, 1, (byte)'5']);
        await server.Server.StopAsync();
        Assert.Equal([("/nori.test.Echo/Say", GrpcStatusCode.Ok), ("/nori.test.Echo/Fail", GrpcStatusCode.NotFound)], ended);
    }

    private sealed class TokenAuthorizer : IGrpcAuthorizer
    {
        public ValueTask<GrpcStatus> AuthorizeAsync(ServerCallContext context) =>
            new(context.Headers.GetValue("authorization") == "Bearer t"
                ? GrpcStatus.Ok
                : new GrpcStatus(GrpcStatusCode.Unauthenticated, "Who are you?"));
    }
}
