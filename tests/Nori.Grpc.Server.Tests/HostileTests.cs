using Nori.Core;

namespace Nori.Grpc.Server.Tests;

/// <summary>
/// Clients that break the rules: each is refused, memory stays bounded, and others are served.
/// </summary>
public sealed class HostileTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly byte[] Hello = [0, 0, 0, 0, 2, (byte)'h', (byte)'i'];

    [Fact]
    public async Task A_request_that_trickles_ends_in_time()
    {
        await using TestServer server = await TestServer.StartAsync(
            new GrpcServerOptions { ReceiveTimeout = TimeSpan.FromMilliseconds(150) });
        foreach (string method in new[] { "Say", "Concat" })
        {
            RawCall.Answer answer = await RawCall.SendAsync(
                RawCall.Request(server.Port, $"/nori.test.Echo/{method}", new DripContent(Hello[..6])));
            Assert.Equal("4", answer.GrpcStatus);
        }

        Assert.Equal(0, server.Server.Dispatcher.BufferedBytes);
    }

    [Fact]
    public async Task A_stream_may_be_silent_between_messages()
    {
        await using TestServer server = await TestServer.StartAsync(
            new GrpcServerOptions { ReceiveTimeout = TimeSpan.FromMilliseconds(50) });
        await using var call = server.Channel.DuplexStreaming(EchoService.Chat);
        await using IAsyncEnumerator<ReadOnlyMemory<byte>> responses = call.ReadAllAsync().GetAsyncEnumerator();
        for (int i = 0; i < 2; i++)
        {
            await call.WriteAsync(new byte[1]);
            Assert.True(await responses.MoveNextAsync());
            await Task.Delay(150, TestContext.Current.CancellationToken); // The silence is what is tested.
        }
    }

    [Fact]
    public async Task Incomplete_messages_share_a_budget_and_give_it_back()
    {
        await using TestServer server = await TestServer.StartAsync(new GrpcServerOptions
        {
            MaxReceiveMessageBytes = 1_000_000,
            MaxBufferedBytes = 3_000_000,
            ReceiveTimeout = TimeSpan.FromSeconds(4),
        });
        byte[] most = new byte[900_000];
        most[1] = 0;
        (most[2], most[3], most[4]) = (0x0F, 0x42, 0x3F);
        Task<RawCall.Answer>[] calls = [.. Enumerable.Range(0, 20).Select(_ =>
            RawCall.SendAsync(RawCall.Request(server.Port, "/nori.test.Echo/Say", new DripContent(most))))];
        Assert.Equal(2, (await server.Channel.UnaryAsync(EchoService.Say, new byte[2])).Length);
        RawCall.Answer[] answers = await Task.WhenAll(calls);
        Assert.True(server.Server.Dispatcher.BufferedBytes == 0, "the budget was not given back");
        Assert.Contains(answers, a => a.GrpcStatus == "8");
        Assert.All(answers, a => Assert.Contains(a.GrpcStatus, new[] { "4", "8" }));
        Assert.Equal(900_000, (await server.Channel.UnaryAsync(EchoService.Say, new byte[900_000])).Length);
    }

    [Fact]
    public async Task A_thousand_connections_that_say_nothing_hinder_no_one_and_are_closed()
    {
        await using TestServer server = await TestServer.StartAsync(
            endpoint: new GrpcEndpointOptions { PrefaceTimeout = TimeSpan.FromSeconds(2) });
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var silent = new List<RawHttp2>();
        try
        {
            for (int i = 0; i < 1000; i++) silent.Add(await RawHttp2.ConnectAsync(server.Port));
            await EventuallyServesAsync(server);
            long perConnection = (GC.GetTotalMemory(forceFullCollection: true) - before) / 1000;
            Assert.True(perConnection < 32 * 1024, $"{perConnection} bytes for each silent connection");
            foreach (RawHttp2 each in silent) Assert.True(await each.IsClosedWithinAsync(Patience));
        }
        finally
        {
            silent.ForEach(each => each.Dispose());
        }
    }

    [Fact]
    public async Task Above_the_bound_the_oldest_silent_connection_is_closed()
    {
        await using TestServer server = await TestServer.StartAsync(endpoint: new GrpcEndpointOptions
        {
            MaxHalfOpenConnections = 5, PrefaceTimeout = TimeSpan.FromMinutes(5),
        });
        var silent = new List<RawHttp2>();
        try
        {
            for (int i = 0; i < 8; i++)
            {
                RawHttp2 each = await RawHttp2.ConnectAsync(server.Port);
                // A first byte of the preface: not enough to be more than half open.
                await each.SendAsync("PRI"u8.ToArray());
                silent.Add(each);
            }

            // The server may have met them in another order than they were opened in.
            Task<bool>[] closed = [.. silent.Select(each => each.IsClosedWithinAsync(Patience))];
            await WaitUntilAsync(() => closed.Count(each => each.IsCompleted) >= 3);
            // Our own channel is half open for a moment, too.
            Assert.Equal(2, (await server.Channel.UnaryAsync(EchoService.Say, new byte[2])).Length);
            Assert.InRange(closed.Count(each => each.IsCompleted), 3, 4);
        }
        finally
        {
            silent.ForEach(each => each.Dispose());
        }
    }

    [Fact]
    public async Task A_connection_above_the_bound_is_closed()
    {
        await using TestServer server = await TestServer.StartAsync(endpoint: new GrpcEndpointOptions { MaxConnections = 2 });
        using RawHttp2 first = await RawHttp2.OpenAsync(server.Port);
        using RawHttp2 second = await RawHttp2.OpenAsync(server.Port);
        await first.ReadFrameAsync(RawHttp2.Settings);
        await second.ReadFrameAsync(RawHttp2.Settings);
        Assert.True(await IsRefusedAsync(server.Port));
        first.Dispose();
        await EventuallyServesAsync(server);
    }

    [Fact]
    public async Task A_preface_in_pieces_is_a_preface()
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawHttp2 raw = await RawHttp2.ConnectAsync(server.Port);
        foreach (byte b in "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray()) await raw.SendAsync(new[] { b });
        await raw.SendFrameAsync(RawHttp2.Settings, 0, 0, default);
        Assert.NotNull(await raw.ReadFrameAsync(RawHttp2.Settings));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001 a TLS hello")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public async Task What_is_no_preface_closes_the_connection(string start)
    {
        await using TestServer server = await TestServer.StartAsync(
            endpoint: new GrpcEndpointOptions { PrefaceTimeout = TimeSpan.FromSeconds(1) });
        using RawHttp2 raw = await RawHttp2.ConnectAsync(server.Port);
        await raw.SendAsync(System.Text.Encoding.Latin1.GetBytes(start));
        if (start[0] is 'G' or 'P') Assert.True(await raw.IsClosedWithinAsync(Patience));
        await EventuallyServesAsync(server);
    }

    [Fact]
    public async Task Pings_are_answered_with_their_payload()
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawHttp2 raw = await RawHttp2.OpenAsync(server.Port);
        for (byte i = 0; i < 200; i++)
        {
            byte[] payload = [1, 2, 3, 4, 5, 6, 7, i];
            await raw.SendFrameAsync(RawHttp2.Ping, 0, 0, payload);
            var pong = await raw.ReadFrameAsync(RawHttp2.Ping, RawHttp2.GoAway);
            Assert.Equal(RawHttp2.Ping, pong!.Value.Type);
            Assert.Equal(RawHttp2.Ack, pong.Value.Flags);
            Assert.Equal(payload, pong.Value.Payload);
        }
    }

    [Fact]
    public async Task A_connection_without_calls_is_left_open()
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawHttp2 raw = await RawHttp2.OpenAsync(server.Port);
        await raw.SendCallAsync(1, "/nori.test.Echo/Say");
        await raw.SendFrameAsync(RawHttp2.Data, RawHttp2.EndStream, 1, new byte[] { 0, 0, 0, 0, 2, 7, 7 });
        var answered = await raw.ReadFrameAsync(RawHttp2.Data, RawHttp2.GoAway);
        Assert.Equal(RawHttp2.Data, answered!.Value.Type);

        // Kestrel looks for what is too old once a second: two looks must pass over an idle connection.
        await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken);
        await raw.SendFrameAsync(RawHttp2.Ping, 0, 0, new byte[8]);
        var pong = await raw.ReadFrameAsync(RawHttp2.Ping, RawHttp2.GoAway);
        Assert.Equal(RawHttp2.Ping, pong!.Value.Type);
    }

    [Fact]
    public async Task A_flood_of_resets_cancels_its_calls_and_hinders_no_one()
    {
        await using TestServer server = await TestServer.StartAsync();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        using (RawHttp2 raw = await RawHttp2.OpenAsync(server.Port))
        {
            byte[] headers = RawHttp2.CallHeaders("/nori.test.Echo/Hang");
            try
            {
                for (int i = 0; i < 20_000; i++)
                {
                    int stream = (2 * i) + 1;
                    await raw.SendAsync((byte[])
                    [
                        .. RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndHeaders, stream, headers),
                        .. RawHttp2.Frame(RawHttp2.Data, RawHttp2.EndStream, stream, Hello),
                        .. RawHttp2.Frame(RawHttp2.Reset, 0, stream, [0, 0, 0, 8]),
                    ]);
                }
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Kestrel may close the connection of one that exaggerates.
            }

            Assert.Equal(2, (await server.Channel.UnaryAsync(EchoService.Say, new byte[2])).Length);
        }

        await WaitUntilAsync(() => server.Server.Dispatcher.RunningCalls == 0);
        long grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(grown < 64 * 1024 * 1024, $"{grown} bytes more");
    }

    [Fact]
    public async Task A_client_that_reads_nothing_is_reset_and_costs_little()
    {
        await using TestServer server = await TestServer.StartAsync(
            new GrpcServerOptions { SendTimeout = TimeSpan.FromMilliseconds(300) });
        using RawHttp2 raw = await RawHttp2.OpenAsync(server.Port, windowBytes: 0);
        byte[] forever = [0, 0, 0, 0x10, 0, 255, .. new byte[4095]];
        await raw.SendCallAsync(1, "/nori.test.Echo/Repeat");
        await raw.SendFrameAsync(RawHttp2.Data, RawHttp2.EndStream, 1, forever);
        byte[] large = new byte[300_005];
        (large[2], large[3], large[4]) = (0x04, 0x93, 0xE0);
        await raw.SendCallAsync(3, "/nori.test.Echo/Say");
        for (int offset = 0; offset < large.Length; offset += 16_000)
        {
            int length = Math.Min(16_000, large.Length - offset);
            byte flags = offset + length == large.Length ? RawHttp2.EndStream : (byte)0;
            await raw.SendFrameAsync(RawHttp2.Data, flags, 3, large.AsMemory(offset, length));
        }

        var reset = new[] { await raw.ReadFrameAsync(RawHttp2.Reset), await raw.ReadFrameAsync(RawHttp2.Reset) };
        Assert.Equal([1, 3], reset.Select(r => r!.Value.Stream).Order());
        await WaitUntilAsync(() => server.Server.Dispatcher is { RunningCalls: 0, BufferedBytes: 0 });
    }

    [Fact]
    public async Task Random_frames_close_at_most_their_own_connection()
    {
        await using TestServer server = await TestServer.StartAsync(
            endpoint: new GrpcEndpointOptions { PrefaceTimeout = TimeSpan.FromSeconds(1) });
        for (ulong seed = 1; seed <= 150; seed++)
        {
            var prng = new Prng(seed);
            using RawHttp2 raw = await RawHttp2.OpenAsync(server.Port);
            var bytes = new MemoryStream();
            for (int i = 0; i < 20; i++)
            {
                byte[] payload = prng.Chance(0.5) ? RawHttp2.CallHeaders("/nori.test.Echo/Chat") : new byte[prng.NextInt(300)];
                if (prng.Chance(0.5)) prng.Fill(payload.AsSpan(0, payload.Length / 2));
                byte type = prng.Chance(0.6) ? (byte)prng.NextInt(2) : (byte)prng.NextInt(12);
                bytes.Write(RawHttp2.Frame(type, (byte)prng.NextUInt32(), prng.NextInt(8), payload));
            }

            byte[] all = bytes.ToArray();
            for (int i = prng.NextInt(4); i > 0; i--) all[prng.NextInt(all.Length)] ^= (byte)prng.NextUInt32();
            try
            {
                await raw.SendAsync(all);
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Closed already: what the server should do with most of these.
            }

            if (seed % 10 == 0) await EventuallyServesAsync(server);
        }

        await WaitUntilAsync(() => server.Server.Dispatcher is { RunningCalls: 0, BufferedBytes: 0 });
    }

    private static async Task<bool> IsRefusedAsync(int port)
    {
        try
        {
            using RawHttp2 raw = await RawHttp2.ConnectAsync(port);
            return await raw.IsClosedWithinAsync(Patience);
        }
        catch (System.Net.Sockets.SocketException)
        {
            return true; // The reset came before connecting was over.
        }
    }

    // On a busy machine our own connection may miss a short time for its preface: the next one does not.
    private static async Task EventuallyServesAsync(TestServer server)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                Assert.Equal(2, (await server.Channel.UnaryAsync(
                    EchoService.Say, new byte[2], new GrpcCallOptions { Timeout = Patience })).Length);
                return;
            }
            catch (GrpcException) when (!patience.IsCancellationRequested)
            {
                await Task.Delay(10, patience.Token);
            }
        }
    }

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!condition()) await Task.Delay(10, patience.Token);
    }
}
