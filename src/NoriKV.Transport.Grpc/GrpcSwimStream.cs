using System.Net;
using System.Net.Security;
using Nori.Grpc;
using Nori.Grpc.Server;
using Nori.Swim;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// SWIM's streams over the node's gRPC port: one unary call an exchange, whose messages are the envelopes as they are.
/// Cluster name and keys are judged where they are with every adapter: in the envelope, by the member.
/// </summary>
/// <remarks>
/// Each exchange has a connection of its own. They are rare, and a connection that is kept would say nothing of whether
/// its peer can be reached now, which is what a probe over a stream asks.
/// </remarks>
public sealed class GrpcSwimStream : ISwimStream
{
    private static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Exchange = new(
        GrpcMethodKind.Unary, KvMethods.Swim, nameof(Exchange), Marshallers.Bytes, Marshallers.Bytes);

    private readonly GrpcSwimStreamOptions _options;
    private readonly CancellationTokenSource _stopped = new();
    private volatile Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>>? _answer;
    private int _answering;

    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public GrpcSwimStream(GrpcSwimStreamOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        _options = options;
        Definition = new GrpcServiceDefinition(KvMethods.Swim).AddUnary(Exchange, AnswerAsync);
    }

    /// <summary>The service that others call; belongs on this node's gRPC port.</summary>
    public GrpcServiceDefinition Definition { get; }

    /// <inheritdoc/>
    public void Start(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> answer) =>
        _answer = answer;

    /// <inheritdoc/>
    public async ValueTask<byte[]?> ExchangeAsync(
        string address, ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        if (!IPEndPoint.TryParse(address, out IPEndPoint? target) || target.Port == 0) return null;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stopped.Token);
        using GrpcChannel channel = Connect(target);
        try
        {
            ReadOnlyMemory<byte> reply = await channel.UnaryAsync(
                Exchange,
                request,
                new GrpcCallOptions { Timeout = _options.Timeout, CancellationToken = either.Token }).ConfigureAwait(false);
            return reply.ToArray();
        }
        catch (Exception e) when (e is GrpcException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Ends what is under way; the port stays its server's.</summary>
    public async ValueTask DisposeAsync()
    {
        _answer = null;
        await _stopped.CancelAsync().ConfigureAwait(false);
    }

    private GrpcChannel Connect(IPEndPoint target) => new(new GrpcChannelOptions
    {
        Address = new Uri($"{(_options.Tls is null ? "http" : "https")}://{target}"),
        Tls = _options.Tls,
        ConnectTimeout = _options.Timeout,
        KeepAlivePingDelay = Timeout.InfiniteTimeSpan,
        MaxReceiveMessageBytes = _options.MessageBytesMax,
        TimeProvider = _options.Time,
    });

    private async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(ReadOnlyMemory<byte> request, ServerCallContext call)
    {
        if (_answer is not { } answer) throw new GrpcException(GrpcStatusCode.Unavailable, "not a member now");
        if (Interlocked.Increment(ref _answering) > _options.AnswersMax)
        {
            Interlocked.Decrement(ref _answering);
            throw new GrpcException(GrpcStatusCode.ResourceExhausted, "too many exchanges");
        }

        try
        {
            // A stranger is told no more than that.
            return await answer(request, call.CancellationToken).ConfigureAwait(false)
                ?? throw new GrpcException(GrpcStatusCode.PermissionDenied, "not allowed");
        }
        finally
        {
            Interlocked.Decrement(ref _answering);
        }
    }
}
