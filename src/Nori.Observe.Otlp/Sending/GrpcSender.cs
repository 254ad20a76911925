using Nori.Grpc;

namespace Nori.Observe.Otlp;

/// <summary>OTLP over gRPC: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc.</summary>
internal sealed class GrpcSender : IOtlpSender
{
    private static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Traces =
        Method("opentelemetry.proto.collector.trace.v1.TraceService");

    private static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Metrics =
        Method("opentelemetry.proto.collector.metrics.v1.MetricsService");

    private readonly GrpcChannel _channel;
    private readonly Metadata _headers = [];
    private readonly TimeSpan _timeout;

    public GrpcSender(OtlpOptions options)
    {
        _channel = new GrpcChannel(new GrpcChannelOptions { Address = options.Endpoint, Tls = options.Tls });
        foreach ((string name, string value) in options.Headers) _headers.Add(name, value);
        _timeout = options.Timeout;
    }

    public async ValueTask<SendResult> SendAsync(Signal signal, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        try
        {
            var call = new GrpcCallOptions { Timeout = _timeout, Headers = _headers, CancellationToken = cancellationToken };
            ReadOnlyMemory<byte> response = await _channel
                .UnaryAsync(signal == Signal.Traces ? Traces : Metrics, request, call).ConfigureAwait(false);
            return SendResult.Taken(response.Span);
        }
        catch (GrpcException failure)
        {
            return SendResult.Failed($"{failure.Status.Code}: {failure.Status.Message}", MayPass(failure.Status.Code));
        }
    }

    public void Dispose() => _channel.Dispose();

    private static bool MayPass(GrpcStatusCode code) => code is GrpcStatusCode.Cancelled or GrpcStatusCode.DeadlineExceeded
        or GrpcStatusCode.Aborted or GrpcStatusCode.OutOfRange or GrpcStatusCode.Unavailable or GrpcStatusCode.DataLoss
        or GrpcStatusCode.ResourceExhausted;

    private static GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Method(string service) =>
        new(GrpcMethodKind.Unary, service, "Export", Marshallers.Bytes, Marshallers.Bytes);
}
