using System.Text;

namespace Nori.Grpc.Server.Tests;

/// <summary>A service of bytes with one method of each kind; what it does is in the names.</summary>
internal sealed class EchoService
{
    public const string Name = "nori.test.Echo";
    public static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Say =
        Method(GrpcMethodKind.Unary, "Say");
    public static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Fail =
        Method(GrpcMethodKind.Unary, "Fail");
    public static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Hang =
        Method(GrpcMethodKind.Unary, "Hang");
    public static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Repeat =
        Method(GrpcMethodKind.ServerStreaming, "Repeat");
    public static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Concat =
        Method(GrpcMethodKind.ClientStreaming, "Concat");
    public static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Chat =
        Method(GrpcMethodKind.Duplex, "Chat");

    public static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Leave =
        Method(GrpcMethodKind.Duplex, "Leave");

    private int _arrived;

    /// <summary>Completed when a call of Hang saw its token cancelled.</summary>
    public TaskCompletionSource<string> Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completed when a call of Hang has begun.</summary>
    public TaskCompletionSource<ServerCallContext> Hanging { get; } =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>When set, Say waits until this many calls are in.</summary>
    public int Barrier { get; set; }

    private readonly TaskCompletionSource _barrierFull = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public GrpcServiceDefinition Definition => new GrpcServiceDefinition(Name)
        .AddUnary(Say, SayAsync)
        .AddUnary(Fail, FailAsync)
        .AddUnary(Hang, HangAsync)
        .AddServerStreaming(Repeat, RepeatAsync)
        .AddClientStreaming(Concat, ConcatAsync)
        .AddDuplex(Chat, ChatAsync)
        .AddDuplex(Leave, LeaveAsync);

    private async ValueTask<ReadOnlyMemory<byte>> SayAsync(ReadOnlyMemory<byte> request, ServerCallContext context)
    {
        if (Barrier > 0)
        {
            if (Interlocked.Increment(ref _arrived) == Barrier) _barrierFull.SetResult();
            await _barrierFull.Task.WaitAsync(context.CancellationToken);
        }

        foreach (MetadataEntry entry in context.Headers)
        {
            if (!entry.Key.StartsWith("x-", StringComparison.Ordinal)) continue;
            if (entry.IsBinary)
                context.ResponseTrailers.Add(entry.Key, entry.ValueBytes);
            else
                context.ResponseHeaders.Add(entry.Key, entry.Value);
        }

        return request;
    }

    // The request names what to fail with.
    private static ValueTask<ReadOnlyMemory<byte>> FailAsync(ReadOnlyMemory<byte> request, ServerCallContext context)
    {
        string how = Encoding.UTF8.GetString(request.Span);
        if (how == "throw") throw new InvalidOperationException("secret path /etc/shadow");
        if (how == "trailers")
        {
            var trailers = new Metadata { { "leader-hint", "10.0.0.1:7447" }, { "x-bytes-bin", new byte[] { 0, 255 } } };
            throw new GrpcException(new GrpcStatus(GrpcStatusCode.Unavailable, "NOT_LEADER: ask »n2« 100%\n"), trailers);
        }

        throw new GrpcException((GrpcStatusCode)int.Parse(how), $"code {how}");
    }

    private async ValueTask<ReadOnlyMemory<byte>> HangAsync(ReadOnlyMemory<byte> request, ServerCallContext context)
    {
        Hanging.TrySetResult(context);
        try
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            Cancelled.TrySetResult(context.DeadlinePassed ? "deadline" : "client");
            throw;
        }

        return request;
    }

    // Goes while it still waits for a request.
    private static Task LeaveAsync(
        GrpcRequestStream<ReadOnlyMemory<byte>> requests, GrpcResponseStream<ReadOnlyMemory<byte>> responses, ServerCallContext context)
    {
        _ = requests.MoveNextAsync().AsTask();
        return Task.CompletedTask;
    }

    // As many times as the request's first byte says; 255 is for ever.
    private async Task RepeatAsync(
        ReadOnlyMemory<byte> request, GrpcResponseStream<ReadOnlyMemory<byte>> responses, ServerCallContext context)
    {
        int times = request.Span[0];
        try
        {
            for (int i = 0; times == 255 || i < times; i++)
            {
                if (i == 100 && times == 101) throw new GrpcException(GrpcStatusCode.OutOfRange, "a hundred");
                await responses.WriteAsync(request, flush: i % 3 == 0);
                context.CancellationToken.ThrowIfCancellationRequested();
            }
        }
        catch (Exception e) when (e is not GrpcException)
        {
            Cancelled.TrySetResult(e.GetType().Name);
            throw;
        }
    }

    private static async ValueTask<ReadOnlyMemory<byte>> ConcatAsync(
        GrpcRequestStream<ReadOnlyMemory<byte>> requests, ServerCallContext context)
    {
        var all = new MemoryStream();
        await foreach (ReadOnlyMemory<byte> request in requests.ReadAllAsync())
        {
            if (request.Length == 1 && request.Span[0] == 0xFF)
                throw new GrpcException(GrpcStatusCode.Aborted, "enough");
            all.Write(request.Span);
        }

        return all.ToArray();
    }

    private async Task ChatAsync(
        GrpcRequestStream<ReadOnlyMemory<byte>> requests,
        GrpcResponseStream<ReadOnlyMemory<byte>> responses,
        ServerCallContext context)
    {
        await responses.FlushAsync();
        try
        {
            while (await requests.MoveNextAsync()) await responses.WriteAsync(requests.Current);
        }
        catch (Exception e) when (e is not GrpcException)
        {
            Cancelled.TrySetResult("client");
            throw;
        }
    }

    private static GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Method(GrpcMethodKind kind, string name) =>
        new(kind, Name, name, Marshallers.Bytes, Marshallers.Bytes);
}
