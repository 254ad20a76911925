using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Nori.Grpc;
using NoriKV.Client.Tracing;
using NoriKV.Proto.V1;

namespace NoriKV.Client.Transport;

/// <summary><see cref="INodeTransport"/> over Nori.Grpc: one channel, one connection.</summary>
internal sealed class GrpcNodeTransport : INodeTransport
{
    private const string ClusterIdKey = "norikv-cluster-id";
    private const string TraceparentKey = "traceparent";
    private const string TracestateKey = "tracestate";
    private const int TracestateCharsMax = 512; // what W3C asks everybody to pass on

    private readonly GrpcChannel _channel;
    private readonly TlsSuspicion _suspicion;
    private readonly string _address;
    private volatile Metadata? _headers;

    public GrpcNodeTransport(string address, NoriKVClientOptions options)
    {
        _address = address;
        _suspicion = new TlsSuspicion(address, options.Tls is not null);
        _channel = new GrpcChannel(new GrpcChannelOptions
        {
            Address = new Uri($"{(options.Tls is null ? "http" : "https")}://{address}"),
            Tls = options.Tls?.ToSslOptions(),
            ConnectTimeout = options.ConnectTimeout,
            KeepAlivePingDelay = options.KeepAlive,
            MaxReceiveMessageBytes = options.InboundMessageBytesMax,
            TimeProvider = options.Time,
            UserAgent = "norikv-csharp/0.1",
        });
    }

    public string? ClusterId
    {
        get => _headers?.GetValue(ClusterIdKey);
        set
        {
            if (value is null || value == ClusterId) return;
            // What a header cannot carry is no id that a node of ours has.
            bool fits = value.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0;
            _headers = fits ? new Metadata { { ClusterIdKey, value } } : null;
        }
    }

    public ICallPipe OpenPipe() => new GrpcCallPipe(
        _channel.DuplexStreaming(KvMethods.Stream, new GrpcCallOptions { Headers = _headers }), _suspicion);

    public async Task<StreamResult> CallAsync(StreamCall call, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var handover = new RequestHandover();
        var options = new GrpcCallOptions
        {
            Timeout = timeout == Timeout.InfiniteTimeSpan ? null : timeout,
            Headers = Headers(call.Traceparent, ClientSpans.State),
            Handover = handover,
            CancellationToken = cancellationToken,
        };
        try
        {
            return call.CallCase switch
            {
                StreamCall.CallOneofCase.Put => new StreamResult
                {
                    Put = await _channel.UnaryAsync(KvMethods.Put, call.Put, options).ConfigureAwait(false),
                },
                StreamCall.CallOneofCase.Get => new StreamResult
                {
                    Get = await _channel.UnaryAsync(KvMethods.Get, call.Get, options).ConfigureAwait(false),
                },
                StreamCall.CallOneofCase.Delete => new StreamResult
                {
                    Delete = await _channel.UnaryAsync(KvMethods.Delete, call.Delete, options).ConfigureAwait(false),
                },
                _ => new StreamResult
                {
                    Batch = await _channel.UnaryAsync(KvMethods.Batch, call.Batch, options).ConfigureAwait(false),
                },
            };
        }
        catch (GrpcException e)
        {
            RpcException failure = GrpcFailure.OfCall(_suspicion.Judge(e));
            throw failure.Reached && !failure.Said && handover.TryWithhold() ? GrpcFailure.NotSent(failure, _address) : failure;
        }
        catch (OperationCanceledException e) when (handover.TryWithhold())
        {
            throw new NotSentException(e);
        }
    }

    public async Task<bool> IsServingAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var options = new GrpcCallOptions
        {
            Timeout = timeout == Timeout.InfiniteTimeSpan ? null : timeout,
            CancellationToken = cancellationToken,
        };
        try
        {
            return await _channel.UnaryAsync(HealthMethod.Check, "", options).ConfigureAwait(false);
        }
        catch (GrpcException e)
        {
            throw _suspicion.Judge(e);
        }
    }

    public IAsyncEnumerable<ScanResponse> ScanAsync(
        ScanRequest request, string? traceparent, string? tracestate, CancellationToken cancellationToken) =>
        TranslateAsync(
            _channel.ServerStreaming(
                KvMethods.Scan,
                request,
                new GrpcCallOptions { Headers = Headers(traceparent, tracestate), CancellationToken = cancellationToken }),
            _suspicion,
            cancellationToken);

    public IAsyncEnumerable<ClusterView> WatchAsync(CancellationToken cancellationToken) =>
        TranslateAsync(
            _channel.ServerStreaming(
                KvMethods.WatchCluster, new ClusterView(), new GrpcCallOptions { CancellationToken = cancellationToken }),
            _suspicion,
            cancellationToken);

    public ValueTask DisposeAsync()
    {
        _channel.Dispose();
        return default;
    }

    internal static async IAsyncEnumerable<T> TranslateAsync<T>(
        IAsyncEnumerable<T> messages, TlsSuspicion suspicion, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IAsyncEnumerator<T> all = messages.GetAsyncEnumerator(cancellationToken);
        await using (all.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await all.MoveNextAsync().ConfigureAwait(false)) yield break;
                }
                catch (GrpcException e)
                {
                    throw suspicion.Judge(e);
                }

                suspicion.Answered();
                yield return all.Current;
            }
        }
    }

    // The list is shared by all calls: one that says more has its own.
    internal Metadata? Headers(string? traceparent, string? tracestate)
    {
        if (string.IsNullOrEmpty(traceparent)) return _headers;
        var own = new Metadata { { TraceparentKey, traceparent } };
        if (IsState(tracestate)) own.Add(TracestateKey, tracestate);
        if (ClusterId is { } cluster) own.Add(ClusterIdKey, cluster);
        return own;
    }

    // What is longer, or no header can carry, is left out: a trace must not fail a call.
    private static bool IsState([NotNullWhen(true)] string? state) =>
        state is { Length: > 0 and <= TracestateCharsMax } && state.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0;
}
