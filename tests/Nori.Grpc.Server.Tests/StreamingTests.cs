namespace Nori.Grpc.Server.Tests;

public sealed class StreamingTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    public async Task A_server_stream_is_enumerated_to_its_end(int count)
    {
        await using TestServer server = await TestServer.StartAsync();
        int received = 0;
        await foreach (ReadOnlyMemory<byte> message in server.Channel.ServerStreaming(
            EchoService.Repeat, new byte[] { (byte)count, 7 }, Within()))
        {
            Assert.Equal(7, message.Span[1]);
            received++;
        }

        Assert.Equal(count, received);
    }

    [Fact]
    public async Task An_error_comes_behind_the_responses()
    {
        await using TestServer server = await TestServer.StartAsync();
        int received = 0;
        var e = await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            await foreach (ReadOnlyMemory<byte> _ in server.Channel.ServerStreaming(
                EchoService.Repeat, new byte[] { 101 }, Within()))
            {
                received++;
            }
        });
        Assert.Equal(GrpcStatusCode.OutOfRange, e.Code);
        Assert.Equal(100, received);
    }

    [Fact]
    public async Task Leaving_an_enumeration_cancels_the_handler()
    {
        await using TestServer server = await TestServer.StartAsync();
        await foreach (ReadOnlyMemory<byte> _ in server.Channel.ServerStreaming(
            EchoService.Repeat, new byte[] { 255 }, Within()))
        {
            break;
        }

        Assert.Equal(nameof(OperationCanceledException), await server.Echo.Cancelled.Task.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_token_given_to_the_enumeration_cancels_it()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await foreach (ReadOnlyMemory<byte> _ in server.Channel.ServerStreaming(
                EchoService.Repeat, new byte[] { 255 }).WithCancellation(cancel.Token))
            {
                await cancel.CancelAsync();
            }
        });
        Assert.Equal(nameof(OperationCanceledException), await server.Echo.Cancelled.Task.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_deadline_ends_a_stream()
    {
        await using TestServer server = await TestServer.StartAsync();
        // On a busy machine the time may be over before the call is there: then nobody saw it end.
        bool isThere = false;
        for (int ms = 200; !isThere && ms < 60_000; ms *= 2)
        {
            var e = await Assert.ThrowsAsync<GrpcException>(async () =>
            {
                await foreach (ReadOnlyMemory<byte> _ in server.Channel.ServerStreaming(
                    EchoService.Repeat, new byte[] { 255 }, new GrpcCallOptions { Timeout = TimeSpan.FromMilliseconds(ms) }))
                {
                    isThere = true;
                }
            });
            Assert.Equal(GrpcStatusCode.DeadlineExceeded, e.Code);
        }

        Assert.Equal(nameof(OperationCanceledException), await server.Echo.Cancelled.Task.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_client_stream_answers_once_it_is_completed()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var call = server.Channel.ClientStreaming(EchoService.Concat, Within());
        for (int i = 0; i < 50; i++) await call.WriteAsync(new[] { (byte)i }, flush: i % 7 == 0);
        GrpcResponse<ReadOnlyMemory<byte>> response = await call.CompleteAsync();
        Assert.Equal(Enumerable.Range(0, 50).Select(i => (byte)i), response.Message.ToArray());
    }

    [Fact]
    public async Task A_client_stream_without_requests_is_a_call_too()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var call = server.Channel.ClientStreaming(EchoService.Concat, Within());
        Assert.Equal(0, (await call.CompleteAsync()).Message.Length);
    }

    [Fact]
    public async Task A_server_that_answers_early_is_heard_whatever_is_still_written()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var call = server.Channel.ClientStreaming(EchoService.Concat, Within());
        await call.WriteAsync(new byte[] { 0xFF });
        var refused = await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            while (true) await call.WriteAsync(new byte[1000]);
        });
        Assert.Equal(GrpcStatusCode.Cancelled, refused.Code);
        var e = await Assert.ThrowsAsync<GrpcException>(call.CompleteAsync);
        Assert.Equal(new GrpcStatus(GrpcStatusCode.Aborted, "enough"), e.Status);
    }

    [Fact]
    public async Task A_duplex_call_answers_each_request_while_it_stays_open()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using var call = server.Channel.DuplexStreaming(EchoService.Chat, Within());
        await call.ReadHeadersAsync();
        await using IAsyncEnumerator<ReadOnlyMemory<byte>> responses = call.ReadAllAsync().GetAsyncEnumerator();
        for (int i = 0; i < 100; i++)
        {
            await call.WriteAsync(BitConverter.GetBytes(i));
            Assert.True(await responses.MoveNextAsync());
            Assert.Equal(i, BitConverter.ToInt32(responses.Current.Span));
        }

        await call.CompleteAsync();
        Assert.False(await responses.MoveNextAsync());
    }

    // Kestrel gives the pipe of a stream that has ended on both sides to the next call of the connection.
    [Fact]
    public async Task A_handler_that_leaves_a_read_behind_does_no_harm_to_the_next_call_of_the_connection()
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawHttp2 raw = await RawHttp2.OpenAsync(server.Port);
        byte[] message = [0, 0, 0, 0, 1, 42];
        for (int stream = 1; stream < 80; stream += 4)
        {
            await raw.SendCallAsync(stream, $"/{EchoService.Name}/Leave");
            Assert.True(await HeadersOfAsync(raw, stream), "it answers without a message");
            await raw.SendFrameAsync(RawHttp2.Data, RawHttp2.EndStream, stream, default);
            await raw.SendFrameAsync(RawHttp2.Ping, 0, 0, new byte[8]);
            await raw.ReadFrameAsync(RawHttp2.Ping);

            await raw.SendCallAsync(stream + 2, $"/{EchoService.Name}/Say");
            await raw.SendFrameAsync(RawHttp2.Data, RawHttp2.EndStream, stream + 2, message);
            Assert.False(await HeadersOfAsync(raw, stream + 2), $"the call behind stream {stream} failed");
        }
    }

    // True when nothing follows: no message, only a status.
    private static async Task<bool> HeadersOfAsync(RawHttp2 raw, int stream)
    {
        while (await raw.ReadFrameAsync(RawHttp2.Headers) is { } frame)
        {
            if (frame.Stream == stream) return (frame.Flags & RawHttp2.EndStream) != 0;
        }

        throw new IOException("the connection ended");
    }

    [Fact]
    public async Task A_duplex_call_takes_large_messages_both_ways_at_once()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using var call = server.Channel.DuplexStreaming(EchoService.Chat, Within());
        const int Count = 20, Bytes = 1_000_000;
        Task writing = Task.Run(async () =>
        {
            for (int i = 0; i < Count; i++)
            {
                byte[] message = new byte[Bytes];
                message[0] = message[^1] = (byte)i;
                await call.WriteAsync(message);
            }

            await call.CompleteAsync();
        });
        int received = 0;
        await foreach (ReadOnlyMemory<byte> message in call.ReadAllAsync())
        {
            Assert.Equal(Bytes, message.Length);
            Assert.Equal(received, message.Span[0]);
            Assert.Equal(received++, message.Span[^1]);
        }

        await writing;
        Assert.Equal(Count, received);
        Assert.Equal(0, server.Server.Dispatcher.BufferedBytes);
    }

    [Fact]
    public async Task Disposing_a_duplex_call_resets_it()
    {
        await using TestServer server = await TestServer.StartAsync();
        var call = server.Channel.DuplexStreaming(EchoService.Chat);
        await call.ReadHeadersAsync();
        call.Dispose();
        Assert.Equal("client", await server.Echo.Cancelled.Task.WaitAsync(Patience));
        var e = await Assert.ThrowsAsync<GrpcException>(async () => await call.WriteAsync(new byte[1]));
        Assert.Equal(GrpcStatusCode.Cancelled, e.Code);
    }

    [Fact]
    public async Task A_write_during_a_write_is_an_error_of_the_caller()
    {
        await using TestServer server = await TestServer.StartAsync();
        GrpcDuplexCall<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>? call = null;
        Task? second = null;
        Marshaller<ReadOnlyMemory<byte>> writingAgain = Marshallers.Bytes with
        {
            Serialize = (message, output) =>
            {
                second ??= call!.WriteAsync(message).AsTask();
                Marshallers.Bytes.Serialize(message, output);
            },
        };
        var chat = new GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(
            GrpcMethodKind.Duplex, EchoService.Name, "Chat", writingAgain, Marshallers.Bytes);
        await using (call = server.Channel.DuplexStreaming(chat, Within()))
        {
            await call.WriteAsync(new byte[1]);
            await Assert.ThrowsAsync<InvalidOperationException>(() => second!);
            await call.CompleteAsync();
            await foreach (ReadOnlyMemory<byte> message in call.ReadAllAsync()) Assert.Equal(1, message.Length);
        }
    }

    [Fact]
    public async Task Many_duplex_calls_share_one_connection()
    {
        await using TestServer server = await TestServer.StartAsync();
        var all = new ParallelOptions { MaxDegreeOfParallelism = 200 };
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), all, async (i, stop) =>
        {
            await using var call = server.Channel.DuplexStreaming(EchoService.Chat, Within());
            for (int j = 0; j < 5; j++) await call.WriteAsync(BitConverter.GetBytes((i * 10) + j));
            await call.CompleteAsync();
            int next = i * 10;
            await foreach (ReadOnlyMemory<byte> message in call.ReadAllAsync(stop))
                Assert.Equal(next++, BitConverter.ToInt32(message.Span));
            Assert.Equal((i * 10) + 5, next);
        });
    }

    private static GrpcCallOptions Within() => new() { Timeout = Patience };
}
