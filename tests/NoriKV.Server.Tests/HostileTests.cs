using System.Net;
using System.Net.Sockets;
using System.Text;
using Nori.Core;
using Nori.Grpc.Server.Tests;

namespace NoriKV.Server.Tests;

/// <summary>
/// Clients that mean harm or are broken, against a whole server: the right status, bounded memory, still serves.
/// </summary>
public sealed class HostileTests
{
    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_thousand_half_open_connections_on_each_port_hinder_no_one_and_are_closed()
    {
        await using TestServer server = await TestServer.StartAsync(parts: static p => p with
        {
            RpcEndpoint = p.RpcEndpoint with { PrefaceTimeout = TimeSpan.FromSeconds(3) },
            HttpEndpoint = p.HttpEndpoint with { HeadersTimeout = TimeSpan.FromSeconds(3) },
        });
        await server.PutAsync("warm", "up");
        await server.Http.GetStringAsync("/kv/warm");
        long before = Memory();
        var sockets = new List<Socket>();
        try
        {
            for (int i = 0; i < 1000; i++)
            {
                sockets.Add(await ConnectAsync(server.Server.RpcEndPoint));
                Socket http = await ConnectAsync(server.Server.HttpEndPoint);
                sockets.Add(http);

                // Half a request line: the worst that a slow sender can do with few bytes.
                await http.SendAsync("PUT /kv/half"u8.ToArray());
            }

            await server.PutAsync("still", "serves");
            Assert.Equal("serves", await server.Http.GetStringAsync("/kv/still"));
            Assert.InRange(Memory() - before, long.MinValue, 64L << 20);
            foreach (Socket socket in sockets)
                Assert.True(await IsClosedAsync(socket, TimeSpan.FromSeconds(60)), "a half-open connection was kept");
        }
        finally
        {
            foreach (Socket socket in sockets) socket.Dispose();
        }

        await server.PutAsync("still", "serves");
    }

    [Fact]
    public async Task Senders_of_large_bodies_that_never_come_hold_only_what_they_sent()
    {
        await using TestServer server = await TestServer.StartAsync(parts: static p => p with
        {
            Http = p.Http with { BodyTimeout = TimeSpan.FromSeconds(2) },
        });
        long before = Memory();
        var sockets = new List<Socket>();
        try
        {
            for (int i = 0; i < 300; i++)
            {
                Socket socket = await ConnectAsync(server.Server.HttpEndPoint);
                sockets.Add(socket);
                await socket.SendAsync(Encoding.ASCII.GetBytes(
                    $"PUT /kv/slow{i} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc"));
            }

            await server.PutAsync("still", "serves");
            Assert.InRange(Memory() - before, long.MinValue, 64L << 20);
            string answer = await TestServer.ReadAnswerAsync(new NetworkStream(sockets[^1]));
            Assert.StartsWith("HTTP/1.1 408", answer, StringComparison.Ordinal);
        }
        finally
        {
            foreach (Socket socket in sockets) socket.Dispose();
        }
    }

    [Fact]
    public async Task Bodies_share_a_bound_and_what_exceeds_it_is_429()
    {
        await using TestServer server = await TestServer.StartFakeAsync(
            parts: static p => p with { Http = p.Http with { BodyBytesMax = 100_000 } });
        string large = new('x', 200_000);
        string answer = await server.RawHttpAsync(
            $"PUT /kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: {large.Length}\r\n\r\n{large}");
        Assert.StartsWith("HTTP/1.1 429", answer, StringComparison.Ordinal);
        Assert.Contains("Retry-After: 1", answer, StringComparison.Ordinal);
        for (int i = 0; i < 20; i++)
        {
            HttpResponseMessage small = await server.Http.PutAsync("/kv/a", new StringContent(new string('y', 30_000)));
            Assert.Equal(HttpStatusCode.OK, small.StatusCode);
        }
    }

    [Fact]
    public async Task A_chunked_body_beyond_the_limit_is_413_and_a_broken_one_400()
    {
        await using TestServer server = await TestServer.StartAsync();
        const string Head = "PUT /kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        string chunk = "10000\r\n" + new string('x', 0x10000) + "\r\n";
        string large = await server.RawHttpAsync(Head + string.Concat(Enumerable.Repeat(chunk, 20)) + "0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 413", large, StringComparison.Ordinal);
        string broken = await server.RawHttpAsync(Head + "zz\r\nxx");
        Assert.StartsWith("HTTP/1.1 400", broken, StringComparison.Ordinal);
        string right = await server.RawHttpAsync(Head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200", right, StringComparison.Ordinal);
        Assert.Equal("abcde", await server.Http.GetStringAsync("/kv/a"));
    }

    [Theory]
    [InlineData("GARBAGE\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("GET /kv/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("GET /kv/a HTTP/1.1\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("GET /kv/a HTTP/9.9\r\nHost: x\r\n\r\n", "HTTP/1.1 505")]
    [InlineData("GET /kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "")]
    public async Task Broken_http_is_refused(string request, string start)
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        string answer = await server.RawHttpAsync(request);
        Assert.StartsWith(start, answer, StringComparison.Ordinal);
        Assert.DoesNotContain("HTTP/1.1 200", answer, StringComparison.Ordinal);
        await server.PutAsync("still", "serves");
    }

    [Fact]
    public async Task Headers_and_request_lines_beyond_their_bounds_are_refused()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        string line = await server.RawHttpAsync($"GET /kv/{new string('a', 40_000)} HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 414", line, StringComparison.Ordinal);
        string header = await server.RawHttpAsync(
            $"GET /kv/a HTTP/1.1\r\nHost: x\r\nX: {new string('a', 40_000)}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 431", header, StringComparison.Ordinal);
        await server.PutAsync("still", "serves");
    }

    [Fact]
    public async Task Http1_on_the_rpc_port_gets_no_service_and_hurts_nobody()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        using Socket socket = await ConnectAsync(server.Server.RpcEndPoint);
        await socket.SendAsync("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        Assert.True(await IsClosedAsync(socket, TimeSpan.FromSeconds(60)));
        await server.PutAsync("still", "serves");
    }

    [Fact]
    public async Task Random_http2_frames_close_at_most_their_own_connection()
    {
        const ulong Seed = 20261121;
        await using TestServer server = await TestServer.StartAsync();
        var random = new Prng(Seed);
        for (int i = 0; i < 100; i++)
        {
            using RawHttp2 raw = await RawHttp2.OpenAsync(server.Server.RpcEndPoint.Port);
            await raw.SendCallAsync(1, "/norikv.v1.Kv/Stream");
            try
            {
                for (int j = random.NextInt(1, 20); j > 0; j--)
                {
                    byte[] payload = new byte[random.NextInt(64)];
                    random.Fill(payload);
                    await raw.SendFrameAsync(
                        (byte)random.NextInt(12), (byte)random.NextInt(256), random.NextInt(6), payload);
                }
            }
            catch (SocketException)
            {
                // It was closed on us, as it should be.
            }
        }

        await server.PutAsync("still", "serves");
        // A call gives its bytes back a moment after it is counted no more.
        await WireFramingTests.EventuallyAsync(() => server.Server is { RunningCalls: 0, BufferedBytes: 0 });
    }

    [Fact]
    public async Task Mutated_requests_give_a_status_each_and_the_server_still_serves()
    {
        const ulong Seed = 4711;
        await using TestServer server = await TestServer.StartAsync();
        var random = new Prng(Seed);
        byte[] valid = WireFramingTests.Framed(WireFramingTests.Put("key", "value"));
        string[] paths = ["Put", "Get", "Delete", "Batch", "Scan", "Stream"];
        for (int i = 0; i < 300; i++)
        {
            byte[] mutated = valid[..random.NextInt(1, valid.Length + 1)];
            for (int j = random.NextInt(1, 4); j > 0; j--)
                mutated[random.NextInt(mutated.Length)] = (byte)random.NextInt(256);
            RawCall.Answer answer = await RawCall.SendAsync(
                server.Server.RpcEndPoint.Port, "/norikv.v1.Kv/" + paths[random.NextInt(paths.Length)], mutated);
            Assert.True(
                answer.Http == 200 && answer.GrpcStatus is { } status && status != "2",
                $"seed {Seed}, request {i}: http {answer.Http}, grpc-status {answer.GrpcStatus} {answer.Message}");
        }

        await server.PutAsync("still", "serves");
        Assert.Equal(0, server.Server.BufferedBytes);
    }

    private static long Memory()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address);
        return socket;
    }

    private static async Task<bool> IsClosedAsync(Socket socket, TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        byte[] sink = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(sink.AsMemory(), limit.Token) > 0)
            {
            }

            return true;
        }
        catch (SocketException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
