using System.Net;
using System.Net.Sockets;

namespace Nori.Grpc.Tests;

/// <summary>Deadlines that the HTTP handler does not keep by itself: where nobody answers, and where it does not listen.</summary>
public sealed class ClientDeadlineTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Unary = Method(GrpcMethodKind.Unary);
    private static readonly GrpcCallOptions Soon = new() { Timeout = TimeSpan.FromMilliseconds(50) };

    [Fact]
    public async Task A_port_that_accepts_and_never_answers_holds_no_call_past_its_deadline()
    {
        using Socket listener = Listen(backlog: 16);
        using GrpcChannel channel = Channel(listener);
        await ExceedsAsync(channel.UnaryAsync(Unary, default, Soon));
        await ExceedsAsync(channel.UnaryAsync(Unary, default, Soon));
    }

    [Fact]
    public async Task A_request_longer_than_flow_control_lets_go_was_not_had_by_who_never_said_a_word()
    {
        using Socket listener = Listen(backlog: 16);
        using GrpcChannel channel = Channel(listener);
        var handover = new RequestHandover();
        await ExceedsAsync(channel.UnaryAsync(Unary, new byte[1 << 20], Soon with { Handover = handover }));
        Assert.True(handover.TryWithhold());
        Assert.True(handover.TryWithhold());
    }

    [Fact]
    public async Task Whether_the_end_of_a_request_goes_is_decided_once()
    {
        var given = new RequestHandover();
        using var content = new SingleMessageContent(Framed(), given);
        using var sent = new MemoryStream();
        await content.CopyToAsync(sent);
        await content.CopyToAsync(sent); // on another connection
        Assert.Equal([.. Framed().Written.Span, .. Framed().Written.Span], sent.ToArray());
        Assert.False(given.TryWithhold());

        var withheld = new RequestHandover();
        Assert.True(withheld.TryWithhold());
        using var kept = new SingleMessageContent(Framed(), withheld);
        using var part = new MemoryStream();
        await Assert.ThrowsAnyAsync<Exception>(() => kept.CopyToAsync(part));
        Assert.Equal(Framed().Written.Length - 1, part.Length);
    }

    private static FrameBuffer Framed()
    {
        var buffer = new FrameBuffer();
        buffer.Append(Marshallers.Bytes, new byte[] { 1, 2, 3 });
        return buffer;
    }

    // Its backlog is full: what tries to connect is not even refused.
    [Fact]
    public async Task A_port_where_nothing_arrives_holds_no_call_past_its_deadline()
    {
        using Socket listener = Listen(backlog: 1);
        Socket[] filling = [.. Enumerable.Range(0, 8).Select(static _ => Tcp())];
        try
        {
            Task[] connects = [.. filling.Select(s => s.ConnectAsync(listener.LocalEndPoint!))];
            await connects[0].WaitAsync(Patience);
            using GrpcChannel channel = Channel(listener);
            await ExceedsAsync(channel.UnaryAsync(Unary, default, Soon));

            using var cancel = new CancellationTokenSource();
            Task<ReadOnlyMemory<byte>> call = channel.UnaryAsync(
                Unary, default, new GrpcCallOptions { CancellationToken = cancel.Token });
            await cancel.CancelAsync();
            await Assert.ThrowsAsync<OperationCanceledException>(() => call.WaitAsync(Patience));
        }
        finally
        {
            foreach (Socket socket in filling) socket.Dispose();
        }
    }

    [Fact]
    public async Task A_handler_that_does_not_listen_holds_no_call_and_its_late_answer_is_disposed()
    {
        var handler = new DeafHandler();
        using var invoker = new HttpMessageInvoker(handler);
        var options = new GrpcChannelOptions { Address = new Uri("http://127.0.0.1:1") };
        using var exchange = new Exchange(options, "/a/B", Soon, new ByteArrayContent([]), CancellationToken.None);
        exchange.Start(invoker);
        var reader = new ResponseReader<ReadOnlyMemory<byte>>(exchange, Marshallers.Bytes, 100);
        await ExceedsAsync(reader.ReadSingleAsync());

        var late = new NotedContent();
        handler.Answer.SetResult(new HttpResponseMessage { Content = late });
        await late.Disposed.Task.WaitAsync(Patience);
    }

    private static async Task ExceedsAsync(Task call)
    {
        GrpcException e = await Assert.ThrowsAsync<GrpcException>(() => call.WaitAsync(Patience));
        Assert.Equal(GrpcStatusCode.DeadlineExceeded, e.Code);
    }

    private static Socket Tcp() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static Socket Listen(int backlog)
    {
        Socket socket = Tcp();
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen(backlog);
        return socket;
    }

    // What else could end the call takes longer than the test waits.
    private static GrpcChannel Channel(Socket listener) => new(new GrpcChannelOptions
    {
        Address = new Uri($"http://{listener.LocalEndPoint}"),
        ConnectTimeout = TimeSpan.FromHours(1),
        KeepAlivePingDelay = Timeout.InfiniteTimeSpan,
    });

    private static GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Method(GrpcMethodKind kind) =>
        new(kind, "test.Nobody", "Answers", Marshallers.Bytes, Marshallers.Bytes);

    private sealed class DeafHandler : HttpMessageHandler
    {
        public TaskCompletionSource<HttpResponseMessage> Answer { get; } = new();

        protected override Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken) => Answer.Task;
    }

    private sealed class NotedContent : HttpContent
    {
        public TaskCompletionSource Disposed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => Task.CompletedTask;

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return true;
        }

        protected override void Dispose(bool disposing)
        {
            Disposed.TrySetResult();
            base.Dispose(disposing);
        }
    }
}
