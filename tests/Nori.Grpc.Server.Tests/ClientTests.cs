using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Nori.Core;

namespace Nori.Grpc.Server.Tests;

/// <summary>What the client makes of servers that answer wrongly or not at all.</summary>
public sealed class ClientTests
{
    private static readonly byte[] Hello = [0, 0, 0, 0, 2, (byte)'h', (byte)'i'];

    [Theory]
    [InlineData(400, GrpcStatusCode.Internal)]
    [InlineData(401, GrpcStatusCode.Unauthenticated)]
    [InlineData(403, GrpcStatusCode.PermissionDenied)]
    [InlineData(404, GrpcStatusCode.Unimplemented)]
    [InlineData(429, GrpcStatusCode.Unavailable)]
    [InlineData(503, GrpcStatusCode.Unavailable)]
    [InlineData(500, GrpcStatusCode.Unknown)]
    public async Task An_http_status_without_a_grpc_status_is_mapped(int http, GrpcStatusCode expected)
    {
        Assert.Equal(expected, await CodeOfAsync(context =>
        {
            context.Response.StatusCode = http;
            return Task.CompletedTask;
        }));
    }

    [Theory]
    [InlineData(0x0, GrpcStatusCode.Unavailable)]
    [InlineData(0x2, GrpcStatusCode.Internal)]
    [InlineData(0x8, GrpcStatusCode.Cancelled)]
    [InlineData(0xb, GrpcStatusCode.ResourceExhausted)]
    [InlineData(0xc, GrpcStatusCode.PermissionDenied)]
    public async Task A_reset_is_mapped_by_its_error(int error, GrpcStatusCode expected)
    {
        Assert.Equal(expected, await CodeOfAsync(context =>
        {
            context.Features.Get<IHttpResetFeature>()!.Reset(error);
            return Task.CompletedTask;
        }));
    }

    [Fact]
    public async Task An_answer_of_another_type_is_unknown() =>
        Assert.Equal(GrpcStatusCode.Unknown, await CodeOfAsync(context =>
        {
            context.Response.ContentType = "text/html";
            return context.Response.WriteAsync("<h1>a proxy</h1>");
        }));

    [Theory]
    [InlineData("00000000026869", null, GrpcStatusCode.Unknown)] // no status
    [InlineData("", "0", GrpcStatusCode.Unimplemented)] // OK without a message
    [InlineData("00000000026869", "77", GrpcStatusCode.Unknown)] // a status that is none
    [InlineData("00000000026869", "x", GrpcStatusCode.Unknown)]
    [InlineData("00000000026869", "5", GrpcStatusCode.NotFound)] // the status counts, not the message
    [InlineData("0000000002686900000000026869", "0", GrpcStatusCode.Unimplemented)] // two messages
    [InlineData("000000000268", "0", GrpcStatusCode.Internal)] // truncated
    [InlineData("000000", "0", GrpcStatusCode.Internal)]
    [InlineData("01000000026869", "0", GrpcStatusCode.Internal)] // compressed
    [InlineData("09000000026869", "0", GrpcStatusCode.Internal)] // malformed
    [InlineData("00FFFFFFFF", "0", GrpcStatusCode.ResourceExhausted)] // 4 GiB claimed
    public async Task A_malformed_response_is_an_error(string body, string? status, GrpcStatusCode expected) =>
        Assert.Equal(expected, await CodeOfAsync(context => AnswerAsync(context, Convert.FromHexString(body), status)));

    [Fact]
    public async Task A_status_in_the_head_needs_no_body()
    {
        await using ScriptedServer server = await ScriptedServer.StartAsync(context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = "9";
            context.Response.Headers["grpc-message"] = "no%0Await";
            context.Response.Headers["leader-hint"] = "x:1";
            return Task.CompletedTask;
        });
        var e = await Assert.ThrowsAsync<GrpcException>(() => server.Channel.UnaryAsync(EchoService.Say, Hello));
        Assert.Equal(new GrpcStatus(GrpcStatusCode.FailedPrecondition, "no\nwait"), e.Status);
        Assert.Equal("x:1", e.Trailers.GetValue("leader-hint"));
    }

    [Fact]
    public async Task Mutated_responses_give_a_message_or_a_grpc_error()
    {
        byte[] body = [];
        await using ScriptedServer server = await ScriptedServer.StartAsync(context => AnswerAsync(context, body, "0"));
        for (ulong seed = 1; seed <= 300; seed++)
        {
            var prng = new Prng(seed);
            body = [.. Hello, .. prng.Chance(0.5) ? Hello : []];
            for (int i = prng.NextInt(4); i > 0; i--) body[prng.NextInt(body.Length)] ^= (byte)prng.NextUInt32();
            body = body[..prng.NextInt(body.Length + 1)];
            try
            {
                await foreach (ReadOnlyMemory<byte> message in server.Channel.ServerStreaming(
                    EchoService.Repeat, Hello, new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(60) }))
                {
                    Assert.True(message.Length <= body.Length, $"seed {seed}");
                }
            }
            catch (GrpcException e)
            {
                Assert.True(e.Code is GrpcStatusCode.Internal or GrpcStatusCode.ResourceExhausted, $"seed {seed}: {e}");
            }
        }
    }

    [Fact]
    public async Task The_request_is_what_the_protocol_asks_for()
    {
        var seen = new TaskCompletionSource<Dictionary<string, string>>();
        await using ScriptedServer server = await ScriptedServer.StartAsync(context =>
        {
            seen.SetResult(context.Request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()));
            return AnswerAsync(context, Hello, "0");
        });
        await server.Channel.UnaryAsync(EchoService.Say, Hello, new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(9) });
        Dictionary<string, string> headers = await seen.Task;
        Assert.Equal("application/grpc", headers["content-type"]);
        Assert.Equal("trailers", headers["te"]);
        Assert.Equal("identity", headers["grpc-accept-encoding"]);
        Assert.Equal("9000000u", headers["grpc-timeout"]);
        Assert.StartsWith("nori-grpc/", headers["user-agent"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Services_run_at_the_end_of_a_pipeline_too()
    {
        using var dispatcher = new GrpcDispatcher([new EchoService().Definition]);
        await using ScriptedServer server = await ScriptedServer.StartAsync(app => app.UseGrpc(dispatcher));
        Assert.Equal(Hello, (await server.Channel.UnaryAsync(EchoService.Say, Hello)).ToArray());
    }

    [Fact]
    public async Task A_disposed_channel_cancels_its_calls()
    {
        await using TestServer server = await TestServer.StartAsync();
        Task<ReadOnlyMemory<byte>> call = server.Channel.UnaryAsync(EchoService.Hang, Hello);
        await server.Echo.Hanging.Task;
        server.Channel.Dispose();
        var e = await Assert.ThrowsAsync<GrpcException>(() => call);
        Assert.Contains(e.Code, new[] { GrpcStatusCode.Cancelled, GrpcStatusCode.Unavailable });
    }

    [Fact]
    public async Task A_server_that_goes_away_during_a_call_is_unavailable_and_the_next_connection_works()
    {
        TestServer server = await TestServer.StartAsync();
        Task<ReadOnlyMemory<byte>> call = server.Channel.UnaryAsync(EchoService.Hang, Hello);
        await server.Echo.Hanging.Task;
        var endpoint = server.Server.EndPoints[0];
        await server.Server.DisposeAsync();
        var e = await Assert.ThrowsAsync<GrpcException>(() => call);
        Assert.Contains(e.Code, new[] { GrpcStatusCode.Unavailable, GrpcStatusCode.Internal });
        await using GrpcServer next = await GrpcServer.StartAsync([new EchoService().Definition], endpoint);
        Assert.Equal(Hello, (await server.Channel.UnaryAsync(EchoService.Say, Hello)).ToArray());
        await server.DisposeAsync();
    }

    private static async Task<GrpcStatusCode> CodeOfAsync(RequestDelegate answer)
    {
        await using ScriptedServer server = await ScriptedServer.StartAsync(answer);
        var options = new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(60) };
        return (await Assert.ThrowsAsync<GrpcException>(
            () => server.Channel.UnaryAsync(EchoService.Say, Hello, options))).Code;
    }

    private static async Task AnswerAsync(HttpContext context, byte[] body, string? status)
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(body);
        await context.Response.Body.FlushAsync();
        if (status is not null) context.Response.AppendTrailer("grpc-status", status);
    }
}
