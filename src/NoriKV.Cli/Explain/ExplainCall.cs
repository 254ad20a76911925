using System.Text.Json;
using Google.Protobuf;
using Nori.Grpc;
using NoriKV.Client;
using NoriKV.Node.Tracing;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Cli.Explain;

/// <summary>One call to one node, straight and without retries, which asks to be told where it went.</summary>
internal sealed class ExplainCall : IDisposable
{
    private const string Kv = "norikv.v1.Kv";

    /// <summary>Metadata that asks; the node answers in the trailer.</summary>
    private const string ExplainHeader = "norikv-explain";
    private const string TraceTrailer = "norikv-trace-bin";

    private static readonly GrpcMethod<PutRequest, PutResponse> PutMethod =
        new(GrpcMethodKind.Unary, Kv, "Put", For(PutRequest.Parser), For(PutResponse.Parser));

    private static readonly GrpcMethod<GetRequest, GetResponse> GetMethod =
        new(GrpcMethodKind.Unary, Kv, "Get", For(GetRequest.Parser), For(GetResponse.Parser));

    private static readonly GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> HealthMethod = new(
        GrpcMethodKind.Unary, "grpc.health.v1.Health", "Check", Marshallers.Bytes, Marshallers.Bytes);

    private readonly GrpcChannel _channel;
    private readonly NoriKVClientOptions _options;

    /// <param name="options">The first address is asked.</param>
    public ExplainCall(NoriKVClientOptions options)
    {
        _options = options;
        _channel = new GrpcChannel(new GrpcChannelOptions
        {
            Address = new Uri($"{(options.Tls is null ? "http" : "https")}://{options.Addresses[0]}"),
            Tls = options.Tls?.ToSslOptions(),
            ConnectTimeout = options.ConnectTimeout,
            TimeProvider = options.Time,
        });
    }

    /// <summary>Writes a key.</summary>
    public Task<Explained> PutAsync(byte[] key, byte[] value, CancellationToken cancellationToken) => RunAsync(
        PutMethod,
        new PutRequest { Key = ByteString.CopyFrom(key), Value = ByteString.CopyFrom(value) },
        static answer => (true, Of(answer.Version), 0),
        cancellationToken);

    /// <summary>Reads a key.</summary>
    public Task<Explained> GetAsync(byte[] key, string consistency, CancellationToken cancellationToken) => RunAsync(
        GetMethod,
        new GetRequest { Key = ByteString.CopyFrom(key), Consistency = consistency },
        static answer => (answer.Version is not null, Of(answer.Version), answer.Value.Length),
        cancellationToken);

    public void Dispose() => _channel.Dispose();

    private async Task<Explained> RunAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, Func<TResponse, (bool, KvVersion, int)> read,
        CancellationToken cancellationToken)
    {
        var headers = new Metadata { { ExplainHeader, "1" } };
        var options = new GrpcCallOptions { Timeout = _options.Deadline, Headers = headers, CancellationToken = cancellationToken };
        long began = 0;
        try
        {
            // The connection is made first: it is not part of what a request takes.
            await _channel.UnaryAsync(HealthMethod, default, options with { Headers = null }).ConfigureAwait(false);
            began = _options.Time.GetTimestamp();
            GrpcResponse<TResponse> response = await _channel.UnaryWithMetadataAsync(method, request, options).ConfigureAwait(false);
            TimeSpan took = _options.Time.GetElapsedTime(began);
            (bool found, KvVersion version, int bytes) = read(response.Message);
            return new Explained(TraceOf(response.Trailers), took, found, version, bytes, null);
        }
        catch (GrpcException failed) when (began != 0 && failed.Trailers.GetBytes(TraceTrailer) is not null)
        {
            RequestTrace trace = TraceOf(failed.Trailers);
            KvCode code = Enum.GetValues<KvCode>().FirstOrDefault(c => c.ToLabel() == trace.Status, KvCode.Internal);
            return new Explained(
                trace, _options.Time.GetElapsedTime(began), false, KvVersion.None, 0, new KvError(code, failed.Status.Message ?? ""));
        }
        catch (GrpcException failed)
        {
            var error = new KvError(KvCode.Unavailable, $"{_options.Addresses[0]}: {failed.Message}");
            throw NoriKVException.From(error, failed);
        }
    }

    private RequestTrace TraceOf(Metadata trailers)
    {
        if (trailers.GetBytes(TraceTrailer) is not { } bytes)
        {
            throw new NoriKVException(new KvError(
                KvCode.Unimplemented, $"{_options.Addresses[0]} answered and did not say where the request went: an older version?"));
        }

        using JsonDocument json = JsonDocument.Parse(bytes);
        return RequestTraceJson.Read(json.RootElement);
    }

    private static KvVersion Of(Proto.V1.Version? version) =>
        version is null ? KvVersion.None : new KvVersion(version.Term, version.Index);

    private static Marshaller<T> For<T>(MessageParser<T> parser)
        where T : IMessage<T> =>
        new(
            static (message, output) => message.WriteTo(output),
            bytes => parser.ParseFrom(bytes),
            static message => message.CalculateSize());
}
