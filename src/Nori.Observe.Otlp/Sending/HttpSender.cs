using System.Net;
using System.Net.Http.Headers;

namespace Nori.Observe.Otlp;

/// <summary>OTLP over HTTP with protobuf: https://opentelemetry.io/docs/specs/otlp/#otlphttp.</summary>
internal sealed class HttpSender : IOtlpSender
{
    /// <summary>An answer says at most this much that matters.</summary>
    private const int ResponseBytesMax = 64 << 10;

    private readonly HttpClient _client;
    private readonly OtlpOptions _options;
    private readonly Uri _traces;
    private readonly Uri _metrics;

    public HttpSender(OtlpOptions options)
    {
        _options = options;
        string path = options.Endpoint.AbsolutePath.TrimEnd('/');
        _traces = new Uri(options.Endpoint, path + "/v1/traces");
        _metrics = new Uri(options.Endpoint, path + "/v1/metrics");
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
        };
        if (options.Tls is { } tls) handler.SslOptions = tls;
        _client = new HttpClient(handler) { Timeout = options.Timeout, MaxResponseContentBufferSize = ResponseBytesMax };
    }

    public async ValueTask<SendResult> SendAsync(Signal signal, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, signal == Signal.Traces ? _traces : _metrics)
        {
            Content = new ReadOnlyMemoryContent(request),
        };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        foreach ((string name, string value) in _options.Headers) message.Headers.TryAddWithoutValidation(name, value);
        try
        {
            using HttpResponseMessage response = await _client.SendAsync(message, cancellationToken).ConfigureAwait(false);
            byte[] body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode) return SendResult.Taken(body);
            return SendResult.Failed(
                $"HTTP {(int)response.StatusCode}", MayPass(response.StatusCode), response.Headers.RetryAfter?.Delta);
        }
        catch (HttpRequestException failure)
        {
            return SendResult.Failed(failure.Message, mayPass: true);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return SendResult.Failed($"no answer within {_options.Timeout.TotalSeconds} s", mayPass: true);
        }
    }

    public void Dispose() => _client.Dispose();

    private static bool MayPass(HttpStatusCode status) => status is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway
        or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;
}
