using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Nori.Grpc;
using Nori.Grpc.Server;
using Nori.Observe.Otlp.Tests.Reading;

namespace Nori.Observe.Otlp.Tests;

/// <summary>A collector in the test, over gRPC or HTTP: keeps the bytes of each request and answers as it is told.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private const string TraceService = "opentelemetry.proto.collector.trace.v1.TraceService";
    private const string MetricsService = "opentelemetry.proto.collector.metrics.v1.MetricsService";

    private GrpcServer? _grpc;
    private HttpListener? _http;
    private Task _listening = Task.CompletedTask;

    public Uri Endpoint { get; private set; } = null!;

    public ConcurrentQueue<byte[]> Traces { get; } = [];

    public ConcurrentQueue<byte[]> Metrics { get; } = [];

    public ConcurrentQueue<string> Headers { get; } = [];

    /// <summary>How many of the next requests fail, as something that may pass.</summary>
    public int FailNext { get; set; }

    /// <summary>Whether a failure is one that does not pass.</summary>
    public bool FailsForGood { get; set; }

    /// <summary>Spans it says it refuses.</summary>
    public int Rejects { get; set; }

    public static async Task<Collector> OverGrpcAsync()
    {
        var collector = new Collector();
        GrpcServiceDefinition[] services =
        [
            new GrpcServiceDefinition(TraceService).AddUnary(Method(TraceService), collector.Handle(collector.Traces)),
            new GrpcServiceDefinition(MetricsService).AddUnary(Method(MetricsService), collector.Handle(collector.Metrics)),
        ];
        collector._grpc = await GrpcServer.StartAsync(services, new IPEndPoint(IPAddress.Loopback, 0));
        collector.Endpoint = new Uri($"http://{collector._grpc.EndPoints[0]}");
        return collector;
    }

    public static Collector OverHttp()
    {
        var collector = new Collector();
        for (int tries = 0; ; tries++)
        {
            int port = FreePort.Next();
            var listener = new HttpListener();
            listener.Prefixes.Add($"http://127.0.0.1:{port}/otel/");
            try
            {
                listener.Start();
            }
            catch (HttpListenerException) when (tries < 10)
            {
                continue;
            }

            collector._http = listener;
            collector.Endpoint = new Uri($"http://127.0.0.1:{port}/otel/");
            collector._listening = collector.ListenAsync(listener);
            return collector;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_grpc is not null) await _grpc.DisposeAsync();
        _http?.Close();
        await _listening;
    }

    private Func<ReadOnlyMemory<byte>, ServerCallContext, ValueTask<ReadOnlyMemory<byte>>> Handle(ConcurrentQueue<byte[]> kept) =>
        (request, call) =>
        {
            Headers.Enqueue(call.Headers.GetValue("x-token") ?? "");
            if (FailsForGood) throw new GrpcException(GrpcStatusCode.InvalidArgument, "no");
            if (FailNext > 0)
            {
                FailNext--;
                throw new GrpcException(GrpcStatusCode.Unavailable, "later");
            }

            kept.Enqueue(request.ToArray());
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(Answer());
        };

    private byte[] Answer()
    {
        var response = new ExportServiceResponse();
        if (Rejects > 0) response.PartialSuccess = new PartialAnswer { Rejected = Rejects, ErrorMessage = "too old" };
        return response.ToByteArray();
    }

    private async Task ListenAsync(HttpListener listener)
    {
        try
        {
            while (true)
            {
                HttpListenerContext http = await listener.GetContextAsync();
                using var body = new MemoryStream();
                await http.Request.InputStream.CopyToAsync(body);
                Headers.Enqueue(http.Request.Headers["x-token"] ?? "");
                http.Response.StatusCode = Status(http.Request.Url!.AbsolutePath, http.Request.ContentType, body.ToArray());
                if (http.Response.StatusCode == 200) http.Response.OutputStream.Write(Answer());
                http.Response.Close();
            }
        }
        catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }

    private int Status(string path, string? type, byte[] body)
    {
        if (type != "application/x-protobuf") return 415;
        if (FailsForGood) return 400;
        if (FailNext > 0)
        {
            FailNext--;
            return 503;
        }

        if (path == "/otel/v1/traces") Traces.Enqueue(body);
        else if (path == "/otel/v1/metrics") Metrics.Enqueue(body);
        else return 404;
        return 200;
    }

    private static GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Method(string service) =>
        new(GrpcMethodKind.Unary, service, "Export", Marshallers.Bytes, Marshallers.Bytes);
}
