namespace Nori.Grpc.Server.Tests;

public sealed class UnaryTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16_000)]
    [InlineData(70_000)]
    [InlineData(1_048_576)]
    [InlineData(4 * 1024 * 1024)]
    public async Task A_message_of_any_size_up_to_the_limit_comes_back(int bytes)
    {
        await using TestServer server = await TestServer.StartAsync();
        byte[] sent = new byte[bytes];
        new Random(bytes).NextBytes(sent);
        ReadOnlyMemory<byte> received = await server.Channel.UnaryAsync(EchoService.Say, sent, Within());
        Assert.True(received.Span.SequenceEqual(sent));
        Assert.Equal(0, server.Server.Dispatcher.BufferedBytes);
    }

    [Fact]
    public async Task Headers_and_trailers_travel_as_text_and_bytes()
    {
        await using TestServer server = await TestServer.StartAsync();
        var headers = new Metadata { { "x-text", "a, b c" }, { "X-Upper", "1" }, { "x-raw-bin", new byte[] { 0, 1, 254 } } };
        GrpcResponse<ReadOnlyMemory<byte>> response = await server.Channel.UnaryWithMetadataAsync(
            EchoService.Say, "hi"u8.ToArray(), Within() with { Headers = headers });
        Assert.Equal("a, b c", response.Headers.GetValue("x-text"));
        Assert.Equal("1", response.Headers.GetValue("x-upper"));
        Assert.Equal([0, 1, 254], response.Trailers.GetBytes("x-raw-bin")!.Value.ToArray());
        Assert.DoesNotContain(response.Trailers, e => e.Key.StartsWith("grpc-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_status_code_reaches_the_client()
    {
        await using TestServer server = await TestServer.StartAsync();
        for (int code = 1; code <= 16; code++)
        {
            byte[] request = System.Text.Encoding.UTF8.GetBytes($"{code}");
            var e = await Assert.ThrowsAsync<GrpcException>(
                () => server.Channel.UnaryAsync(EchoService.Fail, request, Within()));
            Assert.Equal(new GrpcStatus((GrpcStatusCode)code, $"code {code}"), e.Status);
        }
    }

    [Fact]
    public async Task An_error_carries_its_message_in_utf8_and_its_trailers()
    {
        await using TestServer server = await TestServer.StartAsync();
        var e = await Assert.ThrowsAsync<GrpcException>(
            () => server.Channel.UnaryAsync(EchoService.Fail, "trailers"u8.ToArray(), Within()));
        Assert.Equal(new GrpcStatus(GrpcStatusCode.Unavailable, "NOT_LEADER: ask »n2« 100%\n"), e.Status);
        Assert.Equal("10.0.0.1:7447", e.Trailers.GetValue("leader-hint"));
        Assert.Equal([0, 255], e.Trailers.GetBytes("x-bytes-bin")!.Value.ToArray());
    }

    [Fact]
    public async Task What_a_handler_throws_is_told_to_the_hook_and_not_to_the_client()
    {
        Exception? told = null;
        await using TestServer server = await TestServer.StartAsync(
            new GrpcServerOptions { OnHandlerFault = (_, fault) => told = fault });
        var e = await Assert.ThrowsAsync<GrpcException>(
            () => server.Channel.UnaryAsync(EchoService.Fail, "throw"u8.ToArray(), Within()));
        Assert.Equal(GrpcStatusCode.Unknown, e.Code);
        Assert.DoesNotContain("secret", e.Status.Message, StringComparison.Ordinal);
        Assert.Contains("secret", Assert.IsType<InvalidOperationException>(told).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_methods_and_services_are_unimplemented()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach ((string service, string name) in new[] { (EchoService.Name, "Nothing"), ("nori.test.Nothing", "Say") })
        {
            var method = new GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(
                GrpcMethodKind.Unary, service, name, Marshallers.Bytes, Marshallers.Bytes);
            var e = await Assert.ThrowsAsync<GrpcException>(
                () => server.Channel.UnaryAsync(method, "x"u8.ToArray(), Within()));
            Assert.Equal(GrpcStatusCode.Unimplemented, e.Code);
        }
    }

    [Fact]
    public async Task A_message_above_the_limit_is_refused_with_the_chosen_status()
    {
        await using TestServer standard = await TestServer.StartAsync(new GrpcServerOptions { MaxReceiveMessageBytes = 1000 });
        await using TestServer chosen = await TestServer.StartAsync(
            new GrpcServerOptions { MaxReceiveMessageBytes = 1000, OversizedStatus = GrpcStatusCode.InvalidArgument });
        byte[] tooLong = new byte[1001];
        Assert.Equal(1000, (await standard.Channel.UnaryAsync(EchoService.Say, new byte[1000], Within())).Length);
        var e = await Assert.ThrowsAsync<GrpcException>(
            () => standard.Channel.UnaryAsync(EchoService.Say, tooLong, Within()));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, e.Code);
        e = await Assert.ThrowsAsync<GrpcException>(() => chosen.Channel.UnaryAsync(EchoService.Say, tooLong, Within()));
        Assert.Equal(GrpcStatusCode.InvalidArgument, e.Code);
    }

    [Fact]
    public async Task A_response_above_the_clients_limit_is_refused_by_the_client()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var small = new GrpcChannel(
            new GrpcChannelOptions { Address = server.Channel.Address, MaxReceiveMessageBytes = 100 });
        var e = await Assert.ThrowsAsync<GrpcException>(
            () => small.UnaryAsync(EchoService.Say, new byte[101], Within()));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, e.Code);
        Assert.Equal(100, (await small.UnaryAsync(EchoService.Say, new byte[100], Within())).Length);
    }

    [Fact]
    public async Task A_deadline_ends_the_call_here_and_cancels_the_handler_there()
    {
        await using TestServer server = await TestServer.StartAsync();
        // On a busy machine the time may be over before the call is there: then there is nobody to cancel.
        for (int ms = 100; !server.Echo.Hanging.Task.IsCompleted && ms < 60_000; ms *= 2)
        {
            var e = await Assert.ThrowsAsync<GrpcException>(() => server.Channel.UnaryAsync(
                EchoService.Hang, "x"u8.ToArray(), new GrpcCallOptions { Timeout = TimeSpan.FromMilliseconds(ms) }));
            Assert.Equal(GrpcStatusCode.DeadlineExceeded, e.Code);
        }

        await server.Echo.Cancelled.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_deadline_that_has_passed_already_is_exceeded()
    {
        await using TestServer server = await TestServer.StartAsync();
        var e = await Assert.ThrowsAsync<GrpcException>(() => server.Channel.UnaryAsync(
            EchoService.Say, "x"u8.ToArray(), new GrpcCallOptions { Timeout = TimeSpan.FromTicks(-1) }));
        Assert.Equal(GrpcStatusCode.DeadlineExceeded, e.Code);
    }

    [Fact]
    public async Task The_callers_token_cancels_the_call_and_the_handler()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var cancel = new CancellationTokenSource();
        Task<ReadOnlyMemory<byte>> call = server.Channel.UnaryAsync(
            EchoService.Hang, "x"u8.ToArray(), new GrpcCallOptions { CancellationToken = cancel.Token });
        ServerCallContext context = await server.Echo.Hanging.Task.WaitAsync(Patience);
        Assert.Null(context.Deadline);
        await cancel.CancelAsync();
        var e = await Assert.ThrowsAsync<OperationCanceledException>(() => call);
        Assert.Equal(cancel.Token, e.CancellationToken);
        Assert.Equal("client", await server.Echo.Cancelled.Task.WaitAsync(Patience));
    }

    [Fact]
    public async Task Handlers_see_deadline_and_peer()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var cancel = new CancellationTokenSource();
        Task call = server.Channel.UnaryAsync(EchoService.Hang, "x"u8.ToArray(), new GrpcCallOptions
        {
            Timeout = TimeSpan.FromMinutes(5), CancellationToken = cancel.Token,
        });
        ServerCallContext context = await server.Echo.Hanging.Task.WaitAsync(Patience);
        Assert.InRange(context.TimeLeft!.Value, TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5));
        Assert.True(context.IsLoopback);
        Assert.Equal("127.0.0.1", context.Peer!.Address.ToString());
        Assert.Null(context.ClientCertificate);
        Assert.Equal("/nori.test.Echo/Hang", context.Method);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task Three_hundred_calls_run_at_once_on_one_connection()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Echo.Barrier = 300;
        Task<ReadOnlyMemory<byte>>[] calls = [.. Enumerable.Range(0, 300).Select(i =>
            server.Channel.UnaryAsync(EchoService.Say, BitConverter.GetBytes(i), Within()))];
        for (int i = 0; i < calls.Length; i++)
            Assert.Equal(i, BitConverter.ToInt32((await calls[i]).Span));
        Assert.Equal(0, server.Server.Dispatcher.RunningCalls);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unavailable()
    {
        TestServer server = await TestServer.StartAsync();
        string address = server.Channel.Address.Authority;
        await server.DisposeAsync();
        using GrpcChannel channel = GrpcChannel.ForAddress(address);
        var e = await Assert.ThrowsAsync<GrpcException>(
            () => channel.UnaryAsync(EchoService.Say, "x"u8.ToArray(), Within()));
        Assert.Equal(GrpcStatusCode.Unavailable, e.Code);
    }

    [Fact]
    public async Task More_calls_than_the_bound_are_refused_with_the_overload_trailers()
    {
        await using TestServer server = await TestServer.StartAsync(new GrpcServerOptions
        {
            MaxConcurrentCalls = 1, OverloadTrailers = new Metadata { { "retry-after-ms", "50" } },
        });
        using var cancel = new CancellationTokenSource();
        Task first = server.Channel.UnaryAsync(
            EchoService.Hang, "x"u8.ToArray(), new GrpcCallOptions { CancellationToken = cancel.Token });
        await server.Echo.Hanging.Task.WaitAsync(Patience);
        var e = await Assert.ThrowsAsync<GrpcException>(
            () => server.Channel.UnaryAsync(EchoService.Say, "x"u8.ToArray(), Within()));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, e.Code);
        Assert.Equal("50", e.Trailers.GetValue("retry-after-ms"));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
    }

    private static GrpcCallOptions Within() => new() { Timeout = Patience };
}
